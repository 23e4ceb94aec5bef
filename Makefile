# The whole course in two commands: make lab, make test. The first time takes minutes,
# then seconds. An older python3 in the way? make lab PYTHON=python3.12
PYTHON ?= python3
RUN = .venv/bin/python

# OpenMP's threads wait asleep: spinning ones slow small networks down on shared cores.
export OMP_WAIT_POLICY = passive

.PHONY: lab test bench results notebooks

lab: # open JupyterLab at the first notebook
	@$(PYTHON) install.py
	JUPYTER_CONFIG_PATH="$(CURDIR)/settings" \
	  $(RUN) -m jupyterlab $(LAB_FLAGS) notebooks/00_start_here.ipynb

test: # unit tests, tests in a browser, and every notebook from top to bottom
	@$(PYTHON) install.py test
	$(RUN) -m pytest --nbval-lax --nbval-current-env tests notebooks

bench: # measure speed, memory and bytes; print one table and write bench.json
	@$(PYTHON) install.py test
	PYTHONPATH=tests $(RUN) -m bench $(BENCH_FLAGS)

results: # run the stored experiments again, from what is missing
	@$(PYTHON) install.py
	$(RUN) -m kdlab.sweeps all

notebooks: # run them all, and store them with the output of their claims alone
	@$(PYTHON) install.py test
	$(RUN) -m nbconvert --to notebook --execute --inplace notebooks/*.ipynb
	$(RUN) -m nbstripout --keep-count --keep-id --extra-keys metadata.language_info notebooks/*.ipynb

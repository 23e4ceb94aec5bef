# The whole course in two commands: make lab, make test. The first time takes minutes,
# then seconds. An older python3 in the way? make lab PYTHON=python3.12
PYTHON = python3
RUN = .venv/bin/python

# Another Python's settings: they would hide what is missing, or keep ours from starting.
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONOPTIMIZE PYTHONWARNINGS

# OpenMP's threads wait asleep: spinning ones slow small networks down on shared cores.
export OMP_WAIT_POLICY = passive

# One heap for all threads of a kernel: several of them keep 50 to 70 MB more (glibc).
export MALLOC_ARENA_MAX = 1

# Only the notebooks that a student opens keep what was answered.
test practice oldest bench results notebooks grading site guide: export KDLAB_PROGRESS = off

.PHONY: lab test practice oldest bench results notebooks pocket grading site guide

lab: # open JupyterLab at the first notebook
	@$(PYTHON) install.py
	@$(RUN) settings/lab.py $(LAB_FLAGS)

test: # unit tests, tests in a browser, and every notebook from top to bottom
	@$(PYTHON) install.py test
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --no-loadscope-reorder --nbval-lax \
	  --nbval-current-env tests notebooks/lessons build/notebooks $(TEST_FLAGS)

# Libraries that want other versions than the course's, each in a folder of its own.
practice: # run what pages show of libraries that lie beside the course
	@$(PYTHON) install.py test
	$(RUN) -m pip install --quiet --no-deps --target build/practice/torchdistill torchdistill==1.1.5
	$(RUN) -m pip install --quiet --target build/practice/flwr flwr==1.42.0
	PYTHONPATH=build/practice/torchdistill $(RUN) -m pytest \
	  notebooks/lessons/what_to_imitate -k as_the_page_shows_it
	PYTHONPATH=build/practice/flwr $(RUN) -m pytest \
	  notebooks/lessons/strangers -k as_the_page_shows_it

oldest: # the tests, with the oldest versions that the lists of dependencies allow
	$(PYTHON) -m venv build/oldest
	build/oldest/bin/pip install --quiet uv
	build/oldest/bin/uv pip install --python build/oldest \
	  --resolution lowest-direct --editable '.[compress,test]'
	OMP_NUM_THREADS=1 build/oldest/bin/python -m pytest -n 2 --no-loadscope-reorder \
	  --nbval-lax --nbval-current-env tests notebooks/lessons build/notebooks $(TEST_FLAGS)

bench: # measure speed, memory and bytes; print one table and write bench.json
	@$(PYTHON) install.py test
	PYTHONPATH=tests $(RUN) -m bench $(BENCH_FLAGS)

results: # run the stored experiments again, from what is missing
	@$(PYTHON) install.py
	$(RUN) -m kdlab.experiments kdlab
	for file in notebooks/lessons/*/experiments.py; do \
	  $(RUN) -m kdlab.experiments lessons.$$(basename $$(dirname $$file)) || exit; done

notebooks: # run them all, and store what their claims print
	@$(PYTHON) install.py test
	$(RUN) tests/claims.py

pocket: # write the student that answers in a page as one file, build/pocket.html
	@$(PYTHON) install.py
	$(RUN) -m lessons.arena.pocket

grading: # the exercises as assignments for nbgrader, in build/nbgrader or FOLDER
	@$(PYTHON) install.py
	$(RUN) -m teaching.grading $(FOLDER) $(GRADING_FLAGS)

site: # the course as pages to read, whose explorers answer without a kernel: build/site
	@$(PYTHON) install.py test
	$(RUN) -m teaching.site $(SITE_FLAGS)

guide: # for whoever teaches: plans, expected values, questions and slides, in build/guide
	@$(PYTHON) install.py test
	$(RUN) -m teaching.guide $(GUIDE_FLAGS)

"""How long the course's Jupyter server keeps kernels that nobody uses."""

import os

c = get_config()  # noqa: F821 - Jupyter defines it

# A kernel without an open notebook stops after half an hour. One with an open notebook
# stays, however long the lecture: except on Binder, whose 2 GB hold three kernels.
c.MappingKernelManager.cull_idle_timeout = 30 * 60
c.MappingKernelManager.cull_interval = 60
c.MappingKernelManager.cull_connected = "BINDER_REPO_URL" in os.environ

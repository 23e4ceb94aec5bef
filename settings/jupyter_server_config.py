"""What the course's Jupyter server keeps to, whatever the user's own settings say."""

import os

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.services.sessions.sessionmanager import SessionManager

c = get_config()  # noqa: F821 - Jupyter defines it

# A kernel without an open notebook stops after half an hour. One with an open notebook
# stays, however long the lecture: except on Binder, whose 2 GB hold three kernels.
c.MappingKernelManager.cull_idle_timeout = 30 * 60
c.MappingKernelManager.cull_interval = 60
c.MappingKernelManager.cull_connected = "BINDER_REPO_URL" in os.environ

# In a container one is root, and the server listens to this machine alone.
c.ServerApp.allow_root = True

# The user's may name a package that only another environment has, or hide our kernel.
c.ServerApp.contents_manager_class = AsyncLargeFileManager
c.ServerApp.kernel_manager_class = AsyncMappingKernelManager
c.ServerApp.kernel_spec_manager_class = KernelSpecManager
c.ServerApp.session_manager_class = SessionManager
c.KernelSpecManager.allowed_kernelspecs = set()
c.KernelSpecManager.whitelist = set()
c.KernelSpecManager.ensure_native_kernel = True

# File, Save and Export Notebook As: pages with stills of what was seen.
load_subconfig("jupyter_nbconvert_config.py")  # noqa: F821 - Jupyter defines it

# Where the course is, `make lab` says; a folder to start in may lie outside of it.
c.FileContentsManager.preferred_dir = ""

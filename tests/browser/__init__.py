"""The explorers in a real JupyterLab, in Chromium."""

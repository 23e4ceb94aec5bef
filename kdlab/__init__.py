"""The distillation lab: the package behind the notebooks."""

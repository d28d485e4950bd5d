"""The programs of the control plane: where they come from and how they get into the cache."""

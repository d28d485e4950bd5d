"""What the controllers of all kinds share: runs of reconciles, their outcomes, and objects that cannot be written."""

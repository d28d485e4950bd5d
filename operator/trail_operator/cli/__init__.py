"""The commands of `trail-operator` beside `run`."""

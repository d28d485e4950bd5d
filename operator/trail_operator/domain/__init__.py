"""Pure decisions: desired state, observed state, the plan between them and the status that results. Knows no I/O."""

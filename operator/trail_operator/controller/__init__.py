"""Everything that talks to Kubernetes, and the reconcile pass that joins it with AWS."""

"""Everything that talks to AWS. Knows nothing of Kubernetes."""

"""A Kubernetes control plane of the real programs, and a node that stands in for a kubelet."""

"""A Kubernetes control plane and an AWS emulator on one machine."""

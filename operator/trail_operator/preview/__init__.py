"""What `plan`, `export` and `policy` share: they read manifests, the cluster and AWS, and write nothing anywhere."""

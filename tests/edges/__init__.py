"""What the operator does with answers and objects that should not be: processes, an API server, a proxy between.

`make test-edges` runs these; they are no part of `make test`.
"""

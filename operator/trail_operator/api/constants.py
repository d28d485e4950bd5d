"""Names that users, scripts and AWS tags depend on."""

GROUP = "trail-operator.dev"
VERSION = "v1beta1"
PLURAL = "trails"
KIND = "Trail"
SHORT_NAME = "ctrail"
"""For kubectl, which resolves `trails` to the kind of ACK or Crossplane if these are installed."""
API_VERSION = f"{GROUP}/{VERSION}"
ACCOUNTS = "awsaccounts"
ACCOUNT_KIND = "AWSAccount"
ACCOUNT_SHORT_NAME = "awsacc"
FINALIZER = f"{GROUP}/finalizer"
NAMESPACE_FINALIZERS = f"namespace.{GROUP}/"
"""Prefix of an AWSAccount's finalizers, followed by a namespace.

An operator limited to namespaces manages Trails there.
"""
OWNER_TAG = f"{GROUP}/owner"
CLUSTER_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
CLUSTER_NAME_LENGTH = 60
"""The owner tag must fit into a tag value."""
RESERVED_TAG_PREFIX = f"{GROUP}/"
PAUSED = f"{GROUP}/paused"
"""The annotation that pauses reconciling while it is "true"."""
RECONCILE_AT = f"{GROUP}/reconcile-at"
"""The annotation that triggers a reconcile whenever its value changes."""
SETTINGS_LABEL = f"{GROUP}/settings"
"""The label, with the value "true", of the ConfigMap in which the leader publishes its settings."""

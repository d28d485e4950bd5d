"""Which objects the operator leaves to another operator."""

from trail_operator.inventory.registry import AccountRegistry
from trail_operator.preview.operator_settings import OperatorSettings


def reconciled_elsewhere(
    namespace: str, account: str | None, settings: OperatorSettings, registry: AccountRegistry
) -> str:
    """Return why the operator leaves an object to another operator; "" if it does not. `account`: its AWSAccount."""
    namespaces = settings.values.namespace
    if namespaces and namespace not in namespaces:
        return f"The operator watches only {', '.join(namespaces)}"
    if registry.is_excluded(account):
        return f"AWSAccount {account} is another operator's"
    return ""

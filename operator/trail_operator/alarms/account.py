"""The account that status records: deletion needs no Trail, only credentials for the same account."""

from trail_operator.alarms.scope import AlarmScope
from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.reasons import Reason
from trail_operator.domain.arns import Location
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.ownership import Cluster
from trail_operator.inventory.account_client import AccountClient
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.trail.location import verified_identity


class PinnedAccount:
    """Finds the credentials for what status records."""

    def __init__(self, registry: AccountRegistry, cluster: Cluster) -> None:
        self._registry = registry
        self._cluster = cluster

    async def scope(self, state: AlarmSetState) -> AlarmScope:
        """Return where the set's filters and alarms are. Raises FailureError if no credentials can be used."""
        status = state.status
        account, region = str(status.account_id), str(status.region)
        client = self._client(state, account)
        identity = await verified_identity(client, region)
        if identity.account != account:
            client.aws.invalidate_identity()
            message = (
                f"status.accountID records account {account}, but the credentials are for account {identity.account}; "
                f"nothing was written. Use credentials for account {account}"
            )
            raise FailureError(Failure(FailureClass.AUTHORITY, Reason.IDENTITY_MISMATCH, message))
        location, resource = Location(identity.partition, account, region), str(state.key)
        owner, owners = self._cluster.owner_tag(resource), self._cluster.owner_tags(resource, status.owner_tag)
        return AlarmScope(client, location, str(state.name_prefix), owner, owners)

    def _client(self, state: AlarmSetState, account: str) -> AccountClient:
        """Return the client of the recorded AWSAccount, or else of another one for the same account."""
        names = dict.fromkeys([state.status.account_name, *self._registry.names_of(account)])
        failures = []
        for name in names:
            try:
                return self._registry.client_named(name, state.key.namespace)
            except FailureError as error:
                failures.append(error)
        raise failures[0]

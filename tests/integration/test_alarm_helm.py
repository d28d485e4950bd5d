"""What goes by kstatus, as Flux and `helm --wait` do, waits for a TrailAlarmSet until its alarms are in sync."""

from pathlib import Path

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import AlarmSets, Trails, alarm_set, trail
from tests.integration.manifest_chart import ManifestChart
from trail_sandbox.sandbox import Sandbox

PRESETS = {"presets": ["SecurityHub"]}


def test_helm_waits_for_the_alarms(
    cluster: Sandbox,
    operator_process: OperatorFactory,
    trails: Trails,
    alarm_sets: AlarmSets,
    account: Account,
    tmp_path: Path,
) -> None:
    operator_process()
    space, chart = trails.namespace, ManifestChart(cluster, tmp_path, trails.namespace)
    bucket, group = account.bucket(f"logs-{account.number}", "audit"), account.log_group("events")
    logs = {"cloudWatchLogsLogGroupARN": group, "cloudWatchLogsRoleARN": account.role("logs", group)}

    # A set whose Trail has no log group yet is in progress: users may still correct it.
    chart.holds(trail("audit", bucket), alarm_set("alarms", "audit", **PRESETS))
    waiting = chart.helm("install", seconds=10)
    assert waiting.returncode != 0
    assert f"TrailAlarmSet/{space}/alarms not ready. status: InProgress" in waiting.stderr

    # What cannot work is Failed: nobody waits for it in vain.
    unknown = {"overrides": [{"name": "RootUse", "threshold": 2}]}
    chart.holds(trail("audit", bucket, **logs), alarm_set("alarms", "audit", **PRESETS, **unknown))
    refused = chart.helm("upgrade")
    assert refused.returncode != 0
    assert f"TrailAlarmSet/{space}/alarms not ready. status: Failed" in refused.stderr
    assert alarm_sets.condition("alarms", "Stalled")["message"] in refused.stderr
    assert "deadline exceeded" not in refused.stderr

    chart.holds(trail("audit", bucket, **logs), alarm_set("alarms", "audit", **PRESETS))
    done = chart.helm("upgrade")
    assert done.returncode == 0, done.stderr
    assert alarm_sets.condition("alarms")["status"] == "True", "it was Ready when helm returned"
    assert len(account.alarms()) == len(account.filters(group)) == 14

    # Trail and set are deleted at the same time.
    gone = chart.helm("uninstall")
    assert gone.returncode == 0, gone.stderr
    assert (trails.names(), alarm_sets.names(), account.trails()) == ([], [], [])
    assert account.alarms() == {}
    assert account.filters(group) == {}

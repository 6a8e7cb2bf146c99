"""Say of contracts that ended unsigned before there was a field for it when they did."""

from django.db import migrations

ACTIONS = {
    "declined": "contracts.declined",
    "expired": "contracts.expired",
    "voided": "contracts.voided",
    "superseded": "contracts.superseded",
}
BATCH = 500


def fill(apps, schema_editor):
    contract_model = apps.get_model("contracts", "Contract")
    event_model = apps.get_model("audit", "Event")
    last = 0
    while True:
        found = list(
            contract_model.objects.filter(status__in=ACTIONS, ended_at=None, pk__gt=last)
            .order_by("pk")
            .only("pk", "public_id", "status", "created_at")[:BATCH]
        )
        if not found:
            return
        last = found[-1].pk
        streams = {f"contract:{one.public_id}": one for one in found}
        events = event_model.objects.filter(stream__in=streams, action__in=ACTIONS.values())
        ended = {
            stream: at
            for stream, action, at in events.order_by("seq").values_list("stream", "action", "at")
            if ACTIONS[streams[stream].status] == action
        }
        for stream, one in streams.items():
            # Without an event its time counts from when it was made: the earliest it can be.
            one.ended_at = ended.get(stream, one.created_at)
        contract_model.objects.bulk_update(found, ["ended_at"])


class Migration(migrations.Migration):
    dependencies = [
        ("contracts", "0014_keep_contracts_for_their_time"),
        ("audit", "0002_make_append_only"),
    ]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]

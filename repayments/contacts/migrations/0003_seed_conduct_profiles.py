"""The first conduct profile of each jurisdiction (rules.md 9), with the ids that decisions name.

A change of rules is a new version with its own first day, never an edit of these rows.
"""

from datetime import date

from django.db import migrations

EFFECTIVE_FROM = date(2020, 1, 1)
REC = ["call", "placement", "legal"]
EVERYTHING = ["contact", "placement", "fees", "interest", "legal"]
FEW_MESSAGES = {
    "channel": ["sms", "email"],
    "unit": "message",
    "max": 3,
    "window": "rolling_days(7)",
    "key": "debtor",
    "rule": "D",
}
PROFILES = {
    "CN": {
        "zone": "Asia/Shanghai",
        "quiet_hours": {
            "start": "22:00",
            "end": "08:00",
            "channels": "all",
            "consent_may_widen": True,
            "tz_rule": "fixed",
            "rule": "CN-1",
        },
        "days_off": {"holidays": "CN", "mode": "none"},
        "caps": [
            {
                "channel": "voice",
                "unit": "connected",
                "max": 3,
                "window": "day",
                "key": "debtor",
                "rule": "CN-2",
            },
            {
                "channel": "voice",
                "unit": "attempt",
                "max": 6,
                "window": "day",
                "key": "number",
                "rule": "CN-3",
            },
            {
                "channel": ["sms", "email", "push"],
                "unit": "message",
                "max": 1,
                "window": "day",
                "key": "debtor",
                "rule": "CN-20",
            },
        ],
        "min_gap_days": {"days": 7, "key": "product", "mode": "warn", "rule": "CN-4"},
        "opt_out": {"required_in": ["email", "sms"], "scope": "medium", "rule": "CN-20"},
        "third_party": {
            "default": "deny",
            "reasons": ["unreachable", "deceased", "incapacity"],
            "evidence": "3_failed_or_3_days",
        },
        "holds": {
            "dispute": {
                "blocks": ["call", "placement", "fees", "legal"],
                "review_days": 15,
                "rule": "CN-12",
            },
            "complaint": {"blocks": ["call", "placement"], "days": 15, "rule": "CN-12"},
            "hardship": {"blocks": REC, "review_days": 30, "rule": "CN-11"},
            "plan_active": {"blocks": REC, "allow_templates": ["due_notice"], "rule": "CN-11"},
            "deceased": {"blocks": ["contact", "fees", "legal"], "rule": "CN-5"},
            "cease": {
                "blocks": ["call", "sms"],
                "allow_templates": ["statutory"],
                "rule": "CN-20",
            },
        },
        "identity": {"must_include": ["lender", "agency", "staff_no", "complaint_channel"]},
        "records": {"retain_months": 60},
    },
    "US": {
        "quiet_hours": {
            "start": "21:00",
            "end": "08:00",
            "consent_may_widen": True,
            "tz_rule": "intersection",
            "rule": "US-4",
        },
        "days_off": {"holidays": "US-federal", "mode": "none"},
        "caps": [
            {
                "channel": "voice",
                "unit": "attempt",
                "max": 7,
                "window": "rolling_days(7)",
                "key": "person+debt",
                "rule": "US-1",
            },
            FEW_MESSAGES,
        ],
        "after_conversation_block_days": 7,
        "after_conversation_rule": "US-2",
        "opt_out": {"required_in": ["email", "sms"], "scope": "address", "rule": "US-7"},
        "third_party": {
            "default": "deny",
            "reasons": ["location_info", "prior_consent", "court"],
            "evidence": "record",
        },
        "holds": {
            "cease": {
                "blocks": ["contact"],
                "allow_templates": ["ending", "may_invoke", "will_invoke"],
                "rule": "US-6",
            },
            "dispute": {
                "blocks": ["contact", "placement", "fees", "legal"],
                "allow_templates": ["verification"],
                "rule": "US-15",
            },
            "validation": {
                "days": 30,
                "blocks": ["legal"],
                "allow_templates": ["neutral"],
                "rule": "US-16",
            },
            "attorney": {"blocks": ["contact"], "rule": "US-5"},
            "bankruptcy": {"blocks": ["contact", "fees", "legal"], "rule": "US-19"},
            "deceased": {"blocks": ["contact", "fees", "legal"], "rule": "D"},
            "hardship": {"blocks": REC, "rule": "D"},
            "complaint": {"blocks": REC, "rule": "D"},
            "plan_active": {"blocks": REC, "allow_templates": ["due_notice"], "rule": "D"},
        },
        "identity": {"must_include": ["collector", "debt_collector_disclosure"]},
        "records": {"retain_months": 36},
    },
    "UK": {
        "quiet_hours": {"start": "20:00", "end": "08:00", "tz_rule": "person", "rule": "UK-1"},
        "days_off": {
            "weekdays": ["sunday"],
            "holidays": "UK-bank",
            "mode": "block",
            "rule": "UK-1",
        },
        "caps": [
            {
                "channel": "voice",
                "unit": "attempt",
                "max": 3,
                "window": "rolling_days(7)",
                "key": "debtor",
                "rule": "D",
            },
            FEW_MESSAGES,
        ],
        "opt_out": {"required_in": ["email", "sms"], "scope": "medium", "rule": "UK-1"},
        "third_party": {
            "default": "deny",
            "reasons": ["authorized_representative"],
            "evidence": "authority",
        },
        "holds": {
            "breathing_space": {
                "days": 60,
                "blocks": EVERYTHING,
                "allow_templates": ["statutory"],
                "rule": "UK-6",
            },
            "mental_health_crisis": {
                "days": "treatment+30",
                "blocks": EVERYTHING,
                "allow_templates": ["statutory"],
                "rule": "UK-6",
            },
            "plan_in_progress": {
                "days": 30,
                "review_days": 30,
                "blocks": REC,
                "rule": "UK-5",
            },
            "dispute": {"blocks": REC, "rule": "UK-3"},
            "vulnerable": {"blocks": REC, "rule": "UK-4"},
            "deceased": {"blocks": ["contact", "fees", "legal"], "rule": "D"},
            "hardship": {"blocks": REC, "rule": "D"},
            "complaint": {"blocks": REC, "rule": "D"},
            "plan_active": {"blocks": REC, "allow_templates": ["due_notice"], "rule": "D"},
        },
        "records": {"retain_months": 72},
    },
}


def add_profiles(apps, schema_editor):
    rows = apps.get_model("contacts", "ContactProfile").objects
    for jurisdiction, rules in PROFILES.items():
        rows.get_or_create(
            jurisdiction=jurisdiction,
            version=1,
            defaults={"effective_from": EFFECTIVE_FROM, "rules": rules},
        )


def remove_profiles(apps, schema_editor):
    rows = apps.get_model("contacts", "ContactProfile").objects
    rows.filter(jurisdiction__in=PROFILES, version=1).delete()


class Migration(migrations.Migration):
    dependencies = [("contacts", "0002_make_append_only")]
    operations = [migrations.RunPython(add_profiles, remove_profiles)]

"""A test that commits leaves nothing behind for the next one, and takes nothing from it."""

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection
from django.test import TransactionTestCase

from accounts.models import User
from repayments.append_only import lifted
from repayments.contacts.models import MessageTemplateVersion

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_laid_comes_back_and_what_was_added_goes() -> None:
    laid = connection.creation.serialize_db_to_string()
    User.objects.create_user("left@demo.example", name="Left Behind")
    Group.objects.filter(name="supervisor").update(name="another name")
    with lifted():
        MessageTemplateVersion.objects.all().delete()
    assert connection.creation.serialize_db_to_string() != laid

    TransactionTestCase._fixture_teardown(TransactionTestCase())

    assert connection.creation.serialize_db_to_string() == laid
    with pytest.raises(IntegrityError, match="append-only"):
        MessageTemplateVersion.objects.update(subject_en="Changed")

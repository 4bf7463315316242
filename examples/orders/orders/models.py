"""The service's own tables."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A user as this service needs one. The rows are kept by authd_django."""

    phone_number = models.CharField(max_length=20, null=True)


class Order(models.Model):
    """Something that a user has ordered."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="orders")
    what = models.CharField(max_length=100)

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models


class UserManager(BaseUserManager):
    def create_user(self, email, password=None, **values):
        user = self.model(email=self.normalize_email(email), **values)
        user.set_password(password)
        user.save()
        return user


class User(AbstractUser):
    """The address is the user name."""

    username = None
    email = models.EmailField(unique=True)
    phone_number = models.CharField(max_length=32, blank=True)
    company = models.CharField(max_length=80, blank=True)
    seats = models.IntegerField(null=True)
    is_partner = models.BooleanField(default=False)
    partner_since = models.DateField(null=True)
    seen_at = models.DateTimeField(null=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []
    objects = UserManager()

from djoser import serializers

OWN = ("first_name", "last_name", "phone_number", "company")


class UserSerializer(serializers.UserSerializer):
    class Meta(serializers.UserSerializer.Meta):
        fields = ("id", "email") + OWN


class UserCreateSerializer(serializers.UserCreateSerializer):
    class Meta(serializers.UserCreateSerializer.Meta):
        fields = ("id", "email", "password") + OWN

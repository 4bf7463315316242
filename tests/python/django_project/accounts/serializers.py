from djoser import serializers

OWN = ("first_name", "last_name", "phone_number", "company")
TYPED = ("seats", "is_partner", "partner_since", "seen_at")


class UserSerializer(serializers.UserSerializer):
    class Meta(serializers.UserSerializer.Meta):
        fields = ("id", "email") + OWN + TYPED


class UserCreateSerializer(serializers.UserCreateSerializer):
    class Meta(serializers.UserCreateSerializer.Meta):
        fields = ("id", "email", "password") + OWN

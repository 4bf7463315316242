"""What the service offers: who am I, with the framework and without."""

from django.http import JsonResponse
from django.urls import path
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response


@api_view(["GET"])
@permission_classes([IsAuthenticated])
def me(request):
    return Response({"pk": request.user.pk, "email": request.user.email, "jti": request.auth.claims["jti"]})


def plain(request):
    known = request.authd
    return JsonResponse({"user": str(request.user), "sub": known and known.user.id, "method": request.method})


async def later(request):
    return JsonResponse({"user": str(await request.auser())})


urlpatterns = [path("me", me), path("plain", plain), path("later", later)]

"""The service's one page."""

from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.response import Response

from orders.models import Order


@api_view(["GET", "POST"])
def orders(request):
    """What the caller has ordered; POST orders one thing more. The caller is a row of our own table."""
    if request.method == "POST":
        Order.objects.create(user=request.user, what=request.data["what"])
    return Response({"row": request.user.pk, "orders": [order.what for order in request.user.orders.order_by("pk")]})


urlpatterns = [path("orders/", orders)]

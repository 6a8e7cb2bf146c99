"""Where the pages of this room are; paths are whole, from the site's root."""

from django.urls import path

from repayments.payments import views

app_name = "payments"
urlpatterns = [
    path("loans/<uuid:public_id>/pay/", views.pay, name="pay"),
    path("loans/<uuid:public_id>/pay/start/", views.start, name="start"),
    path("loans/<uuid:public_id>/left-over/", views.left_over, name="left_over"),
    path("payments/webhook/", views.receive_webhook, name="webhook"),
    path("payments/<uuid:public_id>/", views.receipt, name="receipt"),
    path("payments/<uuid:public_id>/return/", views.come_back, name="return"),
    path("payments/<uuid:public_id>/receipt.pdf", views.receipt_pdf, name="receipt_pdf"),
]

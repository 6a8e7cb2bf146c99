"""Where the pages of this room are; paths are whole, from the site's root."""

from django.urls import path

from repayments.payments import views

app_name = "payments"
urlpatterns = [
    path("loans/<uuid:public_id>/pay/", views.pay, name="pay"),
    path("loans/<uuid:public_id>/pay/start/", views.start, name="start"),
    path("loans/<uuid:public_id>/left-over/", views.left_over, name="left_over"),
    path("loans/<uuid:public_id>/autopay/", views.autopay, name="autopay"),
    path("loans/<uuid:public_id>/autopay/return/", views.autopay_return, name="autopay_return"),
    path("loans/<uuid:public_id>/autopay/stop/", views.autopay_stop, name="autopay_stop"),
    path("loans/<uuid:public_id>/autopay/skip/", views.autopay_skip, name="autopay_skip"),
    path("account/cards/", views.cards, name="cards"),
    path("account/cards/<uuid:public_id>/remove/", views.card_remove, name="card_remove"),
    path("loans/<uuid:public_id>/pay/transfer/", views.transfer, name="transfer"),
    path("loans/<uuid:public_id>/promise/", views.promise, name="promise"),
    path("loans/<uuid:public_id>/promise/withdraw/", views.withdraw, name="promise_withdraw"),
    path("payments/webhook/", views.receive_webhook, name="webhook"),
    path("payments/<uuid:public_id>/", views.receipt, name="receipt"),
    path("payments/<uuid:public_id>/return/", views.come_back, name="return"),
    path("payments/<uuid:public_id>/receipt.pdf", views.receipt_pdf, name="receipt_pdf"),
]

"""Where the pages of this room are; paths are whole, from the site's root."""

from django.urls import path

from repayments.contracts import views

app_name = "contracts"
urlpatterns = [
    path("contracts/<uuid:public_id>/", views.detail, name="detail"),
    path("contracts/<uuid:public_id>/costs/", views.confirm_costs, name="costs"),
    path("contracts/<uuid:public_id>/read/", views.read, name="read"),
    path("contracts/<uuid:public_id>/agree/", views.agree, name="agree"),
    path("contracts/<uuid:public_id>/code/", views.code, name="code"),
    path("contracts/<uuid:public_id>/code/send/", views.send_code, name="send_code"),
    path("contracts/<uuid:public_id>/sign/", views.sign, name="sign"),
    path("contracts/<uuid:public_id>/sign/finish/", views.finish, name="finish"),
    path("contracts/<uuid:public_id>/decline/", views.decline, name="decline"),
    path("contracts/<uuid:public_id>/contract.pdf", views.download, name="download"),
    path("contracts/<uuid:public_id>/evidence/", views.evidence, name="evidence"),
    path("contracts/<uuid:public_id>/evidence.pdf", views.evidence_pdf, name="evidence_pdf"),
    path("contracts/<uuid:public_id>/kit.zip", views.kit, name="kit"),
    path("letters/<uuid:public_id>/", views.letter, name="letter"),
    path("letters/<uuid:public_id>/letter.pdf", views.letter_pdf, name="letter_pdf"),
    path("loans/<uuid:public_id>/letter/", views.letter_of_loan, name="letter_of_loan"),
    path("verify/", views.verify, name="verify"),
]

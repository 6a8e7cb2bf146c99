import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0011_seed_more_autopay_messages'),
    ]

    operations = [
        migrations.AddField(
            model_name='dispute',
            name='suspense',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='disputes', to='payments.suspense'),
        ),
        migrations.AlterField(
            model_name='suspense',
            name='resolution',
            field=models.CharField(blank=True, choices=[('posted', 'posted to a loan'), ('refunded', 'sent back'), ('taken', "taken back by the payer's bank")], max_length=10, verbose_name='what was done'),
        ),
        migrations.CreateModel(
            name='FraudWarning',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('warning_id', models.CharField(max_length=255, unique=True, verbose_name='warning at the gateway')),
                ('fraud_type', models.CharField(blank=True, max_length=60, verbose_name='kind of fraud')),
                ('is_read', models.BooleanField(default=False, help_text='Whether our key was allowed to read what it says.', verbose_name='read')),
                ('seen_at', models.DateTimeField(verbose_name='seen at')),
                ('payment', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='fraud_warnings', to='payments.payment')),
            ],
            options={
                'verbose_name': 'fraud warning',
                'verbose_name_plural': 'fraud warnings',
            },
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0009_keep_what_a_bank_took'),
    ]

    operations = [
        migrations.AlterField(
            model_name='mandate',
            name='end_reason',
            field=models.CharField(blank=True, choices=[('borrower', 'stopped by the borrower'), ('detached', 'the card was removed'), ('declined', 'the card was refused for good'), ('failed', 'too many tries failed'), ('setup', 'no card was saved'), ('loan', 'the loan has ended'), ('staff', "stopped by staff at the borrower's word"), ('replaced', 'another card took its place')], max_length=10, verbose_name='why it ended'),
        ),
        migrations.AlterField(
            model_name='refund',
            name='status',
            field=models.CharField(choices=[('proposed', 'waits for approval'), ('approved', 'approved'), ('unknown', 'not known yet'), ('pending', 'on its way'), ('succeeded', 'sent back'), ('failed', 'failed'), ('canceled', 'canceled'), ('declined', 'declined'), ('withdrawn', 'withdrawn')], default='proposed', max_length=10, verbose_name='status'),
        ),
    ]

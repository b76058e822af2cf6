-- Credits are negative on the lines; the CDR wants totals of credits positive.
with billed as (
    select k.ord, i.*,
           count(l.line_no) filter (where l.fuel = 'E') as elec_lines,
           count(l.line_no) filter (where l.fuel = 'G') as gas_lines,
           count(l.line_no) filter (where l.fuel is null) as own_lines,
           coalesce(sum(l.cents) filter (where l.fuel is 'E' and l.item = 'usage'), 0) as elec_usage,
           -coalesce(sum(l.cents) filter (where l.fuel is 'E' and l.item = 'export'), 0) as elec_export,
           coalesce(sum(l.cents) filter (where l.fuel is 'E' and l.item = 'fee'), 0) as elec_fees,
           -coalesce(sum(l.cents) filter (where l.fuel is 'E' and l.item = 'credit'), 0) as elec_credits,
           coalesce(sum(l.gst_cents) filter (where l.fuel is 'E'), 0) as elec_gst,
           coalesce(sum(l.cents) filter (where l.fuel is 'G' and l.item = 'usage'), 0) as gas_usage,
           -coalesce(sum(l.cents) filter (where l.fuel is 'G' and l.item = 'export'), 0) as gas_export,
           coalesce(sum(l.cents) filter (where l.fuel is 'G' and l.item = 'fee'), 0) as gas_fees,
           -coalesce(sum(l.cents) filter (where l.fuel is 'G' and l.item = 'credit'), 0) as gas_credits,
           coalesce(sum(l.gst_cents) filter (where l.fuel is 'G'), 0) as gas_gst,
           coalesce(sum(l.cents) filter (where l.fuel is null and l.item = 'fee'), 0) as own_fees,
           -coalesce(sum(l.cents) filter (where l.fuel is null and l.item = 'credit'), 0) as own_credits,
           coalesce(sum(l.gst_cents) filter (where l.fuel is null), 0) as own_gst
    from {keys} k
    cross join invoices i on i.invoice_no = k.invoice_no
    left join invoice_lines l on l.invoice_no = i.invoice_no
    where i.status <> 'void'
    group by k.ord
)
select ord        as "$ord",
       invoice_no as "$key",
       account    as "$owner.account",
       invoice_no as "invoiceNumber",
       issued_day as "issueDate",
       due_day    as "dueDate",
       from_day   as "period.startDate",
       to_day     as "period.endDate",
       iif(total_cents < 0, '-', '') || (abs(total_cents) / 100) || printf('.%02d', abs(total_cents) % 100) as "invoiceAmount",
       iif(gst_cents < 0, '-', '') || (abs(gst_cents) / 100) || printf('.%02d', abs(gst_cents) % 100) as "gstAmount",
       iif(prompt_cents < 0, '-', '') || (abs(prompt_cents) / 100) || printf('.%02d', abs(prompt_cents) % 100) as "payOnTimeDiscount.discountAmount",
       iif(prompt_gst_cents < 0, '-', '') || (abs(prompt_gst_cents) / 100) || printf('.%02d', abs(prompt_gst_cents) % 100) as "payOnTimeDiscount.gstAmount",
       prompt_day as "payOnTimeDiscount.date",
       iif(balance_cents < 0, '-', '') || (abs(balance_cents) / 100) || printf('.%02d', abs(balance_cents) % 100) as "balanceAtIssue",
       status     as "paymentStatus",
       iif(elec_lines = 0, null, iif(elec_usage < 0, '-', '') || (abs(elec_usage) / 100) || printf('.%02d', abs(elec_usage) % 100)) as "electricity.totalUsageCharges",
       iif(elec_lines = 0, null, iif(elec_export < 0, '-', '') || (abs(elec_export) / 100) || printf('.%02d', abs(elec_export) % 100)) as "electricity.totalGenerationCredits",
       iif(elec_lines = 0, null, iif(elec_fees < 0, '-', '') || (abs(elec_fees) / 100) || printf('.%02d', abs(elec_fees) % 100)) as "electricity.totalOnceOffCharges",
       iif(elec_lines = 0, null, iif(elec_credits < 0, '-', '') || (abs(elec_credits) / 100) || printf('.%02d', abs(elec_credits) % 100)) as "electricity.totalOnceOffDiscounts",
       iif(elec_lines = 0, null, iif(elec_gst < 0, '-', '') || (abs(elec_gst) / 100) || printf('.%02d', abs(elec_gst) % 100)) as "electricity.totalGst",
       iif(gas_lines = 0, null, iif(gas_usage < 0, '-', '') || (abs(gas_usage) / 100) || printf('.%02d', abs(gas_usage) % 100)) as "gas.totalUsageCharges",
       iif(gas_lines = 0, null, iif(gas_export < 0, '-', '') || (abs(gas_export) / 100) || printf('.%02d', abs(gas_export) % 100)) as "gas.totalGenerationCredits",
       iif(gas_lines = 0, null, iif(gas_fees < 0, '-', '') || (abs(gas_fees) / 100) || printf('.%02d', abs(gas_fees) % 100)) as "gas.totalOnceOffCharges",
       iif(gas_lines = 0, null, iif(gas_credits < 0, '-', '') || (abs(gas_credits) / 100) || printf('.%02d', abs(gas_credits) % 100)) as "gas.totalOnceOffDiscounts",
       iif(gas_lines = 0, null, iif(gas_gst < 0, '-', '') || (abs(gas_gst) / 100) || printf('.%02d', abs(gas_gst) % 100)) as "gas.totalGst",
       iif(own_lines = 0, null, iif(own_fees < 0, '-', '') || (abs(own_fees) / 100) || printf('.%02d', abs(own_fees) % 100)) as "accountCharges.totalCharges",
       iif(own_lines = 0, null, iif(own_credits < 0, '-', '') || (abs(own_credits) / 100) || printf('.%02d', abs(own_credits) % 100)) as "accountCharges.totalDiscounts",
       iif(own_lines = 0, null, iif(own_gst < 0, '-', '') || (abs(own_gst) / 100) || printf('.%02d', abs(own_gst) % 100)) as "accountCharges.totalGst"
from billed

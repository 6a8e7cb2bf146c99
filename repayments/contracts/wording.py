"""The fixed words of contracts, in both languages; keys are the same in each.

Kept in code and in git: a contract that was frozen carries its own words, so a change here touches
later contracts only.
"""

Words = dict[str, str]

WORDS: dict[str, Words] = {
    "en": {
        "subtitle": "Loan {number}",
        "phone": "Phone",
        "email": "E-mail",
        "borrower_reference": "Borrower number",
        "loan_number": "Loan number",
        "loan_amount": "Amount of the loan",
        "plan_amount": "Principal the plan covers",
        "payments": "What you pay",
        "payments_level": (
            "{count} payments of {amount} (the last one {last}), from {first_due} to {last_due}"
        ),
        "payments_equal": "{count} payments of {amount}, from {first_due} to {last_due}",
        "payments_varied": (
            "{count} payments of different amounts, the first {amount}, from {first_due} to "
            "{last_due}; see the schedule"
        ),
        "payments_single": "One payment of {amount} on {last_due}",
        "in_all": "You pay in all",
        "all_in_cost": "All-in cost a year",
        "annual_cost": "{simple} % (simple) · {compound} % (compound)",
        "no_annual_cost": "0.00 %",
        "if_late": "If you pay late",
        "late_with_penalty": (
            "Penalty interest of {rate} % a year runs by day on the overdue principal, and on "
            "nothing else."
        ),
        "late_without_penalty": "No penalty interest is charged.",
        "late_grace": (
            " The first {days} days after a due date are days of grace: no fee is charged and no "
            "reminder is sent for them. They still count as days late."
        ),
        "early": "If you pay early",
        "early_free": "You may repay all or part of it early, at any time and without a fee.",
        "rate": "{rate} % a year",
        "interest_per_installment": (
            "Interest is {rate} % a year on the principal still owed. Each period between two "
            "payments counts as an equal part of a year, whatever its number of days."
        ),
        "interest_daily": (
            "Interest is {rate} % a year on the principal still owed, worked out by day "
            "({day_count})."
        ),
        "interest_flat": (
            "Interest is {rate} % a year on the first amount of the loan throughout, although the "
            "principal falls with each payment. This is why the all-in cost a year is higher than "
            "this rate."
        ),
        "interest_listed": "The interest in each payment is listed in the schedule.",
        "allocation_oldest_first": (
            "Money received is used for the oldest unpaid installment first. Within an installment "
            "it is used for fees, then penalty interest, then interest, then principal."
        ),
        "allocation_horizontal": (
            "Money received is used for all unpaid fees first, then for all penalty interest, then "
            "for all interest, then for principal."
        ),
        "complaint_contact": "{phone}, {email}",
        "cost_title": "All-in cost of the loan",
        "cost_title_plan": "All-in cost of the plan",
        "principal": "Principal",
        "interest": "Interest",
        "fees": "Fees",
        "carried_fees": "Fees and penalty interest already due",
        "penalty": "Penalty interest",
        "penalty_method": "By day, on the overdue principal",
        "with_each_payment": "With each payment of the schedule",
        "as_scheduled": "As listed in the schedule",
        "not_charged": "Not charged",
        "basis": (
            "Internal rate of return of the payments of the schedule, all made on time, counted "
            "from {day}. Simple: monthly rate × 12. Compound: the same rate over a year of months."
        ),
        "no_other_charges": "There are no other charges.",
        "schedule": "Schedule of payments",
        "schedule_note": "Dates are calendar days in China (UTC+8).",
        "column_number": "No.",
        "column_due": "Due date",
        "column_principal": "Principal",
        "column_interest": "Interest",
        "column_fee": "Fees",
        "column_total": "Payment",
        "column_sum": "Total",
        "column_unit": "All amounts in {currency}.",
        "signing_intro": (
            "By signing, each side agrees to the whole of this contract, the schedule included."
        ),
        "replaces": (
            "Once both sides have signed it, this contract takes the place of contract "
            "{reference}. Payments already made count as made under this one."
        ),
        "contract": "Contract",
        "sign_by": "To be signed by",
        "signature_level": (
            "Signature level: electronic signature by the method both sides agreed on in this "
            "contract, with a time stamp."
        ),
        "check_here": "Anyone can check this file at {address} with the code {code}.",
        "month_1": "January",
        "month_2": "February",
        "month_3": "March",
        "month_4": "April",
        "month_5": "May",
        "month_6": "June",
        "month_7": "July",
        "month_8": "August",
        "month_9": "September",
        "month_10": "October",
        "month_11": "November",
        "month_12": "December",
        "seal_borrower": "Signed electronically",
        "seal_lender": "Sealed electronically",
        "seal_code": "Confirmed by a code sent to {address}",
        "seal_contract": "Contract {reference}",
    },
    "zh-hans": {
        "subtitle": "借款编号 {number}",
        "phone": "电话",
        "email": "电子邮箱",
        "borrower_reference": "借款人编号",
        "loan_number": "借款编号",
        "loan_amount": "借款金额",
        "plan_amount": "计划涵盖的本金",
        "payments": "还款方式",
        "payments_level": (
            "共{count}期，每期{amount}（最后一期{last}），自{first_due}起至{last_due}止"
        ),
        "payments_equal": "共{count}期，每期{amount}，自{first_due}起至{last_due}止",
        "payments_varied": (
            "共{count}期，各期金额不同，第一期{amount}，自{first_due}起至{last_due}止，"
            "详见还款计划表"
        ),
        "payments_single": "于{last_due}一次性还款{amount}",
        "in_all": "还款总额",
        "all_in_cost": "综合融资成本（年化）",
        "annual_cost": "{simple}%（单利）· {compound}%（复利）",
        "no_annual_cost": "0.00%",
        "if_late": "逾期还款的费用",
        "late_with_penalty": "仅就逾期本金按日计收罚息，年利率{rate}%。",
        "late_without_penalty": "不收取罚息。",
        "late_grace": (
            "到期日后的前{days}天为宽限期，宽限期内不收取费用，也不发送提醒，但仍计入逾期天数。"
        ),
        "early": "提前还款",
        "early_free": "您可随时提前归还部分或全部借款，无需支付任何费用。",
        "rate": "年利率{rate}%",
        "interest_per_installment": (
            "利息按剩余本金以年利率{rate}%计算，每个还款周期按一年的等分计算，与实际天数无关。"
        ),
        "interest_daily": "利息按剩余本金以年利率{rate}%逐日计算（计息基准：{day_count}）。",
        "interest_flat": (
            "利息自始至终按最初的借款金额以年利率{rate}%计算，虽然本金随每期还款减少。"
            "因此综合融资成本高于该利率。"
        ),
        "interest_listed": "每期应还利息见还款计划表。",
        "allocation_oldest_first": (
            "收到的款项先用于最早到期的未还清的一期；在同一期内，依次用于费用、罚息、利息、本金。"
        ),
        "allocation_horizontal": "收到的款项依次用于全部未付的费用、罚息、利息，最后用于本金。",
        "complaint_contact": "{phone}，{email}",
        "cost_title": "综合融资成本明示表",
        "cost_title_plan": "分期还款综合融资成本明示表",
        "principal": "本金",
        "interest": "利息",
        "fees": "费用",
        "carried_fees": "已产生的费用和罚息",
        "penalty": "逾期罚息",
        "penalty_method": "按日收取，以逾期本金计算",
        "with_each_payment": "随每期还款收取",
        "as_scheduled": "见还款计划表",
        "not_charged": "不收取",
        "basis": (
            "自{day}起，正常履约情形下按还款计划以内部收益率法计算。单利：月利率×12；"
            "复利：按月复利折算为年利率。"
        ),
        "no_other_charges": "除上述明示的各项成本外，不再收取其他任何费用。",
        "schedule": "还款计划表",
        "schedule_note": "日期均为北京时间（UTC+8）的日历日。",
        "column_number": "期数",
        "column_due": "应还日期",
        "column_principal": "本金",
        "column_interest": "利息",
        "column_fee": "费用",
        "column_total": "应还金额",
        "column_sum": "合计",
        "column_unit": "金额单位：{currency}。",
        "signing_intro": "双方签署即表示同意本合同的全部内容，包括还款计划表。",
        "replaces": "双方签署完成后，本合同取代合同 {reference}；此前已还款项视为依本合同支付。",
        "contract": "合同编号",
        "sign_by": "签署期限",
        "signature_level": "签名级别：按双方在本合同中约定的方式作出的电子签名，并附时间戳。",
        "check_here": "任何人均可在 {address} 使用查验码 {code} 核验本文件。",
        "seal_borrower": "电子签名",
        "seal_lender": "电子签章",
        "seal_code": "签署验证码已发送至 {address}",
        "seal_contract": "合同编号 {reference}",
    },
}

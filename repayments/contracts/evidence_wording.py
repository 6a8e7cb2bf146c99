"""The fixed words of evidence files, in both languages; keys are the same in each.

Part of the paper, as a contract's words are. They say what a seal proves and what it does not, so
a change here wants the eye of whoever answers for that.
"""

Words = dict[str, str]

WORDS: dict[str, Words] = {
    "en": {
        "title": "Record of signing",
        "subtitle": "Evidence for {title} {reference}",
        "about": (
            "This file records how the contract named below was made, read, signed and sealed. It "
            "is a file of its own, because a page inside the contract could not hold the hash of "
            "the file it is part of."
        ),
        "sealed": (
            "The lender sealed this file and had it time-stamped; any later change to it shows. "
            "All moments are given in UTC and in the time of {zone}."
        ),
        "check": "Check it online",
        "check_text": (
            "Scan the picture, or open the address and enter the code. The page says whether the "
            "contract is complete, and the SHA-256 of its final file. It also takes the file "
            "itself."
        ),
        "qr_alt": "QR code of {address}",
        "address": "Address",
        "code": "Code",
        "contract": "The contract",
        "reference": "Number",
        "contract_title": "Title",
        "completed": "Complete since",
        "template": "Template",
        "body_sha256": "Template text, SHA-256",
        "fonts_sha256": "Fonts and layout, SHA-256",
        "engine": "Typesetting",
        "terms_sha256": "Terms, SHA-256",
        "unsigned_sha256": "File as shown and signed, SHA-256",
        "final_sha256": "Final file, SHA-256",
        "final_note": (
            "Signing only adds to a file. The first {size} bytes of the final file are the file "
            "that was shown, bit by bit."
        ),
        "parties": "The parties",
        "role_borrower": "Borrower",
        "role_lender": "Lender",
        "role_other": "Signer ({party})",
        "masked_reference": "Number with the lender (in part)",
        "consents": "Consents, in the words that were shown",
        "consent_sha256": "Text, SHA-256",
        "signatures": "Signatures and seals",
        "signature_of": "{order}. {role}: {name}",
        "how": "How",
        "by_typed": "name typed",
        "by_drawn": "name drawn",
        "by_seal": "electronic seal",
        "signed_at": "At",
        "method": "Confirmed by",
        "by_otp": "one-time code sent to {address}",
        "by_passkey": "passkey",
        "by_other": "{method}, {address}",
        "consent_version": "Consent version",
        "consent_text_sha256": "Consent texts, SHA-256",
        "doc_sha256": "File signed, SHA-256",
        "certificate": "Certificate",
        "issuer": "Issued by",
        "serial": "Serial number",
        "fingerprint": "Fingerprint, SHA-256",
        "validity": "Valid",
        "from_to": "{start} to {end}",
        "tsa": "Time stamp by",
        "tsa_time": "Time stamp",
        "level": "Level of the signatures",
        "level_agreed_method": (
            "Electronic signature by the method both sides agreed on in the contract, sealed with "
            "a time stamp (PAdES, lender's seal with long-term data)."
        ),
        "origins": "From where",
        "origins_intro": (
            "Network address and device as the network and the browser gave them. The letters are "
            "used in the list of events."
        ),
        "origin": "From",
        "ip": "IP address",
        "device": "Device",
        "session": "Session (hash)",
        "events": "Events",
        "events_intro": (
            "Every event from the first draft until this file was made, in order. Moments are by "
            "the lender's clock. A hash that stands above in full is given by its beginning."
        ),
        "number": "No.",
        "when": "When",
        "what": "What",
        "from_origin": "from {letter}",
        "who_portal": "by the portal itself",
        "who_borrower": "by the borrower",
        "who_staff": "by the lender's staff (no. {number})",
        "who_other": "by {name}",
        "chain": "The chain",
        "chain_intro": (
            "Each event holds the hash of the one before, so none can be changed, left out, put in "
            "or moved without breaking the chain. Once a day a hash over the ends of all chains is "
            "time-stamped and kept outside, so a chain that was built anew shows too."
        ),
        "chain_length": "Events",
        "chain_head": "Hash of the last one",
        "shows": "What this shows",
        "shows_unchanged": (
            "The final file is unchanged since the lender's seal. One changed byte gives another "
            "SHA-256 than the one above, and breaks the seal."
        ),
        "shows_time": (
            "Each seal existed at the moment of its time stamp. That moment is the time stamp "
            "authority's ({tsa}), not the lender's."
        ),
        "shows_code": (
            "Before signing, the code sent to the address on record was entered in the session "
            "that signed, for this very document."
        ),
        "shows_order": (
            "The events were recorded in this order, and none was changed after this file was "
            "sealed."
        ),
        "shows_not": "What it does not show",
        "not_reliable": (
            "The keys of all seals are held by the lender. The seals alone do not make the "
            "borrower's act a reliable electronic signature under article 13 of China's Electronic "
            "Signature Law, nor a qualified one under EU law. It rests on the method agreed in the "
            "contract and on the events above."
        ),
        "not_person": (
            "Address, device and code show where an action came from and that it could read the "
            "message with the code. They do not show who sat there."
        ),
        "not_read": (
            "How long a page stood open, and that its end came into view, do not show that it was "
            "read."
        ),
        "not_later": "What happened after event {number} is not in this file.",
        "offline": "Check it without the lender",
        "offline_intro": (
            "The lender hands out a kit with both files, certificates, revocation list, events, "
            "daily head and instructions. Needed are pdfsig (Poppler), OpenSSL and Python 3, and "
            "no network:"
        ),
        "offline_hash": "sha256sum contract.pdf gives the SHA-256 of the final file above;",
        "offline_pdfsig": (
            'pdfsig -nocert contract.pdf says "Signature is Valid" of each signature, and "Total '
            'document signed" of the last;'
        ),
        "offline_openssl": (
            "openssl cms -verify and openssl ts -verify hold each seal and time stamp against the "
            "root certificates;"
        ),
        "offline_events": (
            "python3 check_events.py holds the events against their hashes, the files and the "
            "time-stamped daily head."
        ),
    },
    "zh-hans": {
        "title": "签署存证记录",
        "subtitle": "《{title}》{reference} 的存证",
        "about": (
            "本文件记录下列合同的生成、阅读、签署和签章过程。"
            "合同内的页面无法包含其自身文件的哈希值，因此存证单独成文。"
        ),
        "sealed": (
            "本文件由出借人加盖电子签章并附时间戳，任何改动均可被发现。"
            "所有时间同时以 UTC 和 {zone} 时间列明。"
        ),
        "check": "在线核验",
        "check_text": (
            "扫描二维码，或打开网址并输入查验码，即可查看合同是否签署完成及其最终文件的 SHA-256。"
            "也可直接上传文件核验。"
        ),
        "qr_alt": "{address} 的二维码",
        "address": "网址",
        "code": "查验码",
        "contract": "合同",
        "reference": "合同编号",
        "contract_title": "合同名称",
        "completed": "完成时间",
        "template": "合同模板",
        "body_sha256": "模板正文 SHA-256",
        "fonts_sha256": "字体与版式 SHA-256",
        "engine": "排版引擎",
        "terms_sha256": "条款数据 SHA-256",
        "unsigned_sha256": "展示并签署的文件 SHA-256",
        "final_sha256": "最终文件 SHA-256",
        "final_note": (
            "签署只在文件末尾追加内容：最终文件的前 {size} 个字节与展示给签署人的文件逐位相同。"
        ),
        "parties": "签署各方",
        "role_borrower": "借款人",
        "role_lender": "出借人",
        "role_other": "签署人（{party}）",
        "masked_reference": "客户编号（部分隐藏）",
        "consents": "同意事项（展示时的原文）",
        "consent_sha256": "文本 SHA-256",
        "signatures": "签名与签章",
        "signature_of": "{order}. {role}：{name}",
        "how": "方式",
        "by_typed": "输入姓名",
        "by_drawn": "手写姓名",
        "by_seal": "电子签章",
        "signed_at": "时间",
        "method": "身份确认",
        "by_otp": "一次性验证码，已发送至 {address}",
        "by_passkey": "通行密钥",
        "by_other": "{method}，{address}",
        "consent_version": "同意书版本",
        "consent_text_sha256": "同意书文本 SHA-256",
        "doc_sha256": "所签文件 SHA-256",
        "certificate": "证书",
        "issuer": "颁发者",
        "serial": "序列号",
        "fingerprint": "证书指纹 SHA-256",
        "validity": "有效期",
        "from_to": "{start} 至 {end}",
        "tsa": "时间戳机构",
        "tsa_time": "时间戳",
        "level": "签名级别",
        "level_agreed_method": (
            "按双方在合同中约定的方式作出的电子签名，并附时间戳"
            "（PAdES 格式，出借人签章含长期验证数据）。"
        ),
        "origins": "来源",
        "origins_intro": "网络地址和设备信息由网络和浏览器提供。事件列表中以字母指代。",
        "origin": "来源",
        "ip": "IP 地址",
        "device": "设备",
        "session": "会话（哈希值）",
        "events": "事件",
        "events_intro": (
            "自合同拟定至本文件生成的全部事件，按顺序排列。时间以出借人的系统时钟为准。"
            "上文已完整列出的哈希值在此仅列开头部分。"
        ),
        "number": "序号",
        "when": "时间",
        "what": "事件",
        "from_origin": "来源 {letter}",
        "who_portal": "系统",
        "who_borrower": "借款人",
        "who_staff": "出借人工作人员（{number} 号）",
        "who_other": "{name}",
        "chain": "哈希链",
        "chain_intro": (
            "每个事件都包含前一事件的哈希值，任何修改、删除、插入或调换都会使链断裂。"
            "全部哈希链的末端每日汇总并加盖时间戳，在系统之外保存，因此整条链被重建也可被发现。"
        ),
        "chain_length": "事件数",
        "chain_head": "最后一个事件的哈希值",
        "shows": "本文件能够说明",
        "shows_unchanged": (
            "最终文件自出借人签章之后未经改动。任何一个字节的改动都会使 SHA-256 与上文不符，"
            "并使签章失效。"
        ),
        "shows_time": (
            "每个签章在其时间戳所示时刻已经存在。该时刻由时间戳机构（{tsa}）给出，而非出借人。"
        ),
        "shows_code": "签署之前，在同一会话中针对本文件输入了发送至预留地址的验证码。",
        "shows_order": "事件按此顺序记录，且自本文件签章之后未经改动。",
        "shows_not": "本文件不能说明",
        "not_reliable": (
            "所有签章的密钥均由出借人持有。仅凭签章，不足以使借款人的行为构成《电子签名法》"
            "第十三条所称的可靠电子签名，也不构成欧盟法律规定的合格电子签名。"
            "其效力以合同约定的签署方式和上述事件为依据。"
        ),
        "not_person": (
            "地址、设备和验证码能说明操作来自何处、操作者能读到含验证码的消息，"
            "但不能说明操作者本人是谁。"
        ),
        "not_read": "页面停留时间和已显示至文末，不能说明内容已被阅读。",
        "not_later": "第 {number} 个事件之后发生的事不在本文件中。",
        "offline": "不依赖出借人的核验",
        "offline_intro": (
            "出借人提供核验文件包，内含两份文件、证书、吊销列表、事件记录、每日汇总哈希和说明。"
            "核验需要 pdfsig（Poppler）、OpenSSL 和 Python 3，无需联网："
        ),
        "offline_hash": "sha256sum contract.pdf 的结果应与上述最终文件的 SHA-256 相同；",
        "offline_pdfsig": (
            "pdfsig -nocert contract.pdf 对每个签名应显示“Signature is Valid”，"
            "对最后一个应显示“Total document signed”；"
        ),
        "offline_openssl": "openssl cms -verify 和 openssl ts -verify 以根证书核验各签章和时间戳；",
        "offline_events": (
            "python3 check_events.py 核验事件的哈希值、各文件以及附时间戳的每日汇总哈希。"
        ),
    },
}

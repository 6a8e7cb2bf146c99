"""Holds the answer of a time stamp authority against the question. Refuses to know what for."""

from asn1crypto import cms, tsp
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError

_OTHER = "the answer is not to what was asked"


class CheckedStamper(TimeStamper):
    """Takes an answer for a time stamp only if it is one of what was asked.

    A seal with the stamp of something else would be stored, and no later try could mend it.
    """

    def __init__(self, asked: TimeStamper) -> None:
        super().__init__()
        self._asked = asked

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        try:
            token = await self._asked.async_timestamp(message_digest, md_algorithm)
            found = token["content"]["encap_content_info"]["content"].parsed["message_imprint"]
        except AttributeError as error:
            # A wrong nonce: pyHanko stumbles over its own message about it.
            raise TimestampRequestError(_OTHER) from error
        if found["hashed_message"].native != message_digest:
            raise TimestampRequestError(_OTHER)
        return token

    async def async_dummy_response(self, md_algorithm: str) -> cms.ContentInfo:
        # Only its length counts, and whoever is asked remembers it.
        try:
            return await self._asked.async_dummy_response(md_algorithm)
        except AttributeError as error:
            raise TimestampRequestError(_OTHER) from error

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        return await self._asked.async_request_tsa_response(req)

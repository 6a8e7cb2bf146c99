"""From where a person acts: what an event of the ceremony keeps about the request (ES-12)."""

from dataclasses import dataclass

from django.utils.crypto import salted_hmac

USER_AGENT_LENGTH = 300


@dataclass(frozen=True)
class Origin:
    """``session_hash`` names the session without being able to enter it."""

    ip: str
    user_agent: str
    session_hash: str

    def as_payload(self) -> dict[str, str]:
        return {
            "ip": self.ip,
            "user_agent": self.user_agent[:USER_AGENT_LENGTH],
            "session": self.session_hash,
        }


def hash_session(session_key: str) -> str:
    """Give what is stored of a session's key; 64 hex digits."""
    return salted_hmac("contracts.session", session_key, algorithm="sha256").hexdigest()

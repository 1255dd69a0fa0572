"""Owns the subject of an e-mail. It counts and names the kind: text of users is in no header."""

from services.notify.channels.language import Language
from services.notify.ladder.content import Content, DigestContent, MessageContent, NoticeContent


def subject(content: Content, language: Language) -> str:
    match content:
        case MessageContent():
            return _messages(content, language)
        case NoticeContent():
            return _notice(content, language)
        case DigestContent():
            return _digest(content, language)


def _messages(content: MessageContent, language: Language) -> str:
    messages = language.say("messages", content.unread)
    if content.kind != "group" or not content.senders:
        return messages
    return language.say("from_people", content.senders, messages=messages)


def _notice(content: NoticeContent, language: Language) -> str:
    named = language.subject_of(content.notification_type)
    return language.say("urgent_subject", subject=named) if content.priority == "urgent" else named


def _digest(content: DigestContent, language: Language) -> str:
    counts = {"messages": content.unread, "notifications": len(content.notices)}
    parts = [language.say(name, count) for name, count in counts.items() if count]
    digest = language.say(f"digest_{content.period}")
    return language.say("digest_subject", digest=digest, contents=language.list(parts))

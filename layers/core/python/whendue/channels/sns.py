"""The channel `sns`: one message to a topic of Amazon SNS."""

from typing import Annotated, Any, Final

from pydantic import Field

from whendue.aws_errors import decide
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.registry import channel
from whendue.declarations.resources import TaskSettings, TopicPublisher, resource
from whendue.declarations.schema import Line
from whendue.errors import NotAllowedError

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
_HOPELESS: Final = frozenset({"AuthorizationError", "InvalidParameter", "InvalidSecurity", "NotFound"})


class SnsConfig(ChannelConfig):
    """Where to publish: a topic that the operator's WHENDUE_SNS_ALLOW allows to the tenant."""

    topic_arn: Annotated[Line, Field(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$")]


def acceptable(config: SnsConfig, tenant: str) -> None:
    """Refuse a topic that the operator does not allow.

    Raises:
        NotAllowedError: it is not allowed.
    """
    settings: TaskSettings = resource("settings")
    if not settings.may_publish(tenant, config.topic_arn):
        problem = "WHENDUE_SNS_ALLOW does not allow this topic for the tenant"
        raise NotAllowedError(problem, errors=[{"where": "config.topicArn", "problem": problem}])


@channel("sns", check=acceptable)
def sns(event: Event, config: SnsConfig, attempt: Attempt) -> dict[str, Any]:
    """Publish the event and give SNS's `messageId`; attribute `webhook-id` is the same for each attempt.

    Raises:
        NotAllowedError: the topic is not allowed any more.
        GiveUp: SNS refuses for good.
        Retry: SNS throttles.
    """
    acceptable(config, attempt.tenant)
    client: TopicPublisher = resource("sns")
    said = {"webhook-id": attempt.id, "type": event.type}
    try:
        response = client.publish(
            TopicArn=config.topic_arn,
            Message=event.model_dump_json(),
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in said.items()},
        )
    except Exception as error:  # noqa: BLE001 - sorted out, and raised again in every case
        decide(error, "SNS", hopeless=_HOPELESS)
    return {"messageId": response["MessageId"]}

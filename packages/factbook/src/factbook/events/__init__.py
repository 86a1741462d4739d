"""The bus between the log and other systems: a contract, and what keeps it in process, on NATS JetStream and on Kafka."""

from factbook.events.cloudevents import Event, event_of
from factbook.events.contract import Bus, DeadLetter, Delivery, Handler, Subscription
from factbook.events.urls import open_bus

__all__ = ["Bus", "DeadLetter", "Delivery", "Event", "Handler", "Subscription", "event_of", "open_bus"]

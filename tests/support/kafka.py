"""A Kafka cluster: librdkafka's mock of one, which speaks the protocol. It has no disk, so it loses all when it ends, and no rights or
largest messages: what it is to answer there it is told.
"""

import asyncio
import ctypes
import json
from pathlib import Path
from typing import Any

import confluent_kafka
from confluent_kafka import Consumer, TopicPartition

from tests.support.brokers import Got

BROKERS = 3
PRODUCE = 0
MISSING, TOO_LARGE, NO_RIGHT = 3, 10, 29
"""The protocol's numbers of a request, and of why one is refused."""


def _librdkafka() -> ctypes.CDLL:
    [path] = Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka*.so*")
    library = ctypes.CDLL(str(path))
    pointers = ("conf_new", "new", "mock_cluster_new")
    for name in pointers:
        getattr(library, f"rd_kafka_{name}").restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library


class Kafka:
    """A cluster, whose answers may be set."""

    def __init__(self) -> None:
        self._library = _librdkafka()
        text = ctypes.create_string_buffer(512)
        conf = ctypes.c_void_p(self._library.rd_kafka_conf_new())
        self._library.rd_kafka_conf_set(conf, b"log_level", b"0", text, 512)
        self._handle = ctypes.c_void_p(self._library.rd_kafka_new(0, conf, text, 512))
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_mock_cluster_new(self._handle, BROKERS))
        self.servers = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode().split(",")
        self.url = ",".join(f"kafka://{each}" for each in self.servers)

    def end(self) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._handle)

    def say_of(self, topic: str, error: int) -> None:
        """What it answers who asks for a topic; 0: that it is there."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, topic.encode(), error)

    def refuse(self, error: int, times: int) -> None:
        """Refuse what is sent next, so many times."""
        errors = (ctypes.c_int * times)(*[error] * times)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(PRODUCE), ctypes.c_size_t(times), errors
        )

    def take(self) -> None:
        """Refuse nothing any more."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, ctypes.c_int16(PRODUCE))

    def set_down(self, *, down: bool) -> None:
        """Take the brokers away, or bring them back with all that they had."""
        call = self._library.rd_kafka_mock_broker_set_down if down else self._library.rd_kafka_mock_broker_set_up
        for number in range(1, BROKERS + 1):
            call(self._cluster, ctypes.c_int32(number))

    async def kept(self) -> list[Got]:
        """What is in all topics, partition by partition."""
        return await asyncio.to_thread(self._kept)

    def _kept(self) -> list[Got]:
        given = {"bootstrap.servers": ",".join(self.servers), "log_level": 0, "group.id": "tests"}
        consumer = Consumer(given | {"auto.offset.reset": "earliest", "enable.auto.commit": False})
        found = []
        try:
            for topic, told in consumer.list_topics(timeout=30).topics.items():
                for number in told.partitions:
                    place = TopicPartition(topic, number, 0)
                    _, end = consumer.get_watermark_offsets(place, timeout=30)
                    consumer.assign([place])
                    found += [_read(message) for message in consumer.consume(end, timeout=30)] if end else []
        finally:
            consumer.close()
        return found


def _read(message: Any) -> Got:
    headers = {name: value.decode() for name, value in message.headers()}
    attributes = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
    assert message.key().decode() == attributes["subject"]
    attributes["datacontenttype"] = headers["content-type"]
    return Got(message.topic(), attributes, json.loads(message.value()))

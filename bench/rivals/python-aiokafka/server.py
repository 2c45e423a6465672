"""A record for each body, and an answer when Kafka has it: an ASGI application without a framework."""

import os

from aiokafka import AIOKafkaProducer

TOPIC = os.environ["TOPIC"]
ANSWER = {"type": "http.response.start", "status": 204, "headers": []}
REFUSAL = {"type": "http.response.start", "status": 503, "headers": []}
END = {"type": "http.response.body", "body": b""}

producer = None


async def answer(scope, receive, send):
    if scope["type"] == "lifespan":
        return await live(receive, send)
    body, more = b"", True
    while more:
        part = await receive()
        if part["type"] == "http.disconnect":
            return
        body += part["body"]
        more = part["more_body"]
    try:
        # The first puts it into a batch, the second waits until that is delivered.
        await (await producer.send(TOPIC, body))
        await send(ANSWER)
    except Exception as error:
        print(error, flush=True)
        await send(REFUSAL)
    await send(END)


async def live(receive, send):
    global producer
    await receive()
    # "This batching scheme allows more throughput": a batch is sent when the one before is delivered, and has what has come meanwhile
    # (aiokafka, docs/producer). Idempotence waits for all replicas.
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["KAFKA"], enable_idempotence=True)
    await producer.start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await producer.stop()
    await send({"type": "lifespan.shutdown.complete"})

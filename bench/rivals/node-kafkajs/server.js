// A record for each body, and an answer when Kafka has it. One process a core shares the port, as Node's documentation of `cluster` has it.
'use strict'

const cluster = require('node:cluster')
const http = require('node:http')
const { availableParallelism } = require('node:os')
const { Kafka, Partitioners, logLevel } = require('kafkajs')

const [port, broker, topic] = process.argv.slice(2)
// As many records as one request to the broker may have; its limit is 1 MiB.
const BATCH_MAX = 2000

if (cluster.isPrimary) {
  for (let worker = 0; worker < availableParallelism(); worker++) cluster.fork()
  cluster.on('exit', (worker, code, signal) => process.exit(signal === 'SIGTERM' ? 0 : 1))
  process.on('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers)) worker.kill('SIGTERM')
  })
} else {
  serve()
}

async function serve () {
  const kafka = new Kafka({ brokers: [broker], clientId: 'bench', logLevel: logLevel.WARN })
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    // Exactly once needs both, says its documentation.
    idempotent: true,
    maxInFlightRequests: 1
  })
  await producer.connect()
  const send = batching(producer)
  const server = http.createServer((request, answer) => {
    const parts = []
    request.on('data', part => parts.push(part))
    request.on('end', async () => {
      try {
        await send(parts.length === 1 ? parts[0] : Buffer.concat(parts))
        answer.statusCode = 204
      } catch (error) {
        console.error(error)
        answer.statusCode = 503
      }
      answer.end()
    })
  })
  // Node closes a connection that was idle for 5 s; the others keep theirs.
  server.keepAliveTimeout = 600_000
  server.listen(Number(port), '127.0.0.1', 16384)
  process.on('SIGTERM', async () => {
    server.closeAllConnections()
    server.close()
    await producer.disconnect()
    process.exit(0)
  })
}

// kafkajs sends what it is given at once and has no linger. "You can implement that … Wrap `send` in a function that aggregates the payloads
// over time" (its maintainer, kafkajs issue 1157): here over the time that the batch before takes.
function batching (producer) {
  let waiting = []
  let sending = false
  const flush = async () => {
    sending = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH_MAX)
      try {
        await producer.send({ topic, acks: -1, messages: batch.map(one => ({ value: one.value })) })
        for (const one of batch) one.resolve()
      } catch (error) {
        for (const one of batch) one.reject(error)
      }
    }
    sending = false
  }
  return value => new Promise((resolve, reject) => {
    waiting.push({ value, resolve, reject })
    // What comes in the same turn of the loop goes together.
    if (!sending) {
      sending = true
      setImmediate(flush)
    }
  })
}

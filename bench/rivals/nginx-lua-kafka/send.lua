-- A record for each body. lua-resty-kafka's README has the settings; Debian calls its module nginx.kafka.
local producer = require "nginx.kafka.producer"

local common = {
    -- As many as have the record: every replica, as with the others.
    required_acks = -1,
    -- The last two that it speaks; Kafka 4 knows none of them any more.
    api_version = 1,
}

local settings = {
    sync = {
        -- Each request under way has a connection to the broker; with the default of 2 it would make a new one most of the times.
        keepalive_size = 1024,
        -- A producer is one request's, as in the README: what one sends at a time stands in it. Its queue, which only `async` uses, is
        -- made with it all the same, so it is the smallest here.
        max_buffering = 1,
    },
    async = {
        -- "It's recommended to use async producer_type": one for all requests of a worker, which are answered when they are in its queue.
        flush_time = 1000,
        batch_num = 1000,
        batch_size = 1048576,
        -- As many as may wait; more are refused with 503.
        max_buffering = 500000,
    },
}

local module = {}

function module.with(host, port, topic, kind)
    local brokers = { { host = host, port = port } }
    local config = { producer_type = kind }
    for _, some in ipairs({ common, settings[kind] }) do
        for name, value in pairs(some) do config[name] = value end
    end
    return function()
        ngx.req.read_body()
        local sent, why = producer:new(brokers, config):send(topic, nil, ngx.req.get_body_data())
        if sent then return ngx.exit(204) end
        ngx.log(ngx.ERR, "not sent: ", why)
        return ngx.exit(503)
    end
end

return module

-- KEYS: progress, journal. ARGV[1]: what every key begins with. All keys of a partition have one hash tag.
-- Limits and times stand before this text. Numbers that must be exact are texts of 20 digits, which compare as such.
local progress, journal, root = KEYS[1], KEYS[2], ARGV[1]

local function listed(field)
    local found = {}
    for number in string.gmatch(redis.call('HGET', progress, field) or '', '[^,]+') do
        found[#found + 1] = number
    end
    return found
end

local function unlink(keys)
    for first = 1, #keys, 1000 do
        redis.call('UNLINK', unpack(keys, first, math.min(first + 999, #keys)))
    end
end

-- Links live in hashes by the quarter in which they changed last, and a hash expires as a whole. `rows` are link, packed, …
local function put_links(rows, first)
    if not rows[first] then
        return
    end
    local now = tonumber(redis.call('TIME')[1])
    local period = string.format('%d', math.floor(now / PERIOD_S))
    local older, live = {}, { period }
    for _, number in ipairs(listed('periods')) do
        if number ~= period and (tonumber(number) + 1) * PERIOD_S + LINKS_KEPT_S > now then
            older[#older + 1] = number
            live[#live + 1] = number
        end
    end
    redis.call('HSET', progress, 'periods', table.concat(live, ','))
    local fields, names = {}, {}
    for i = first, #rows, 2 do
        local bucket = string.byte(rows[i])
        local of, named = fields[bucket], names[bucket]
        if not of then
            of, named = {}, {}
            fields[bucket], names[bucket] = of, named
        end
        of[#of + 1] = rows[i]
        of[#of + 1] = rows[i + 1]
        named[#named + 1] = rows[i]
    end
    local ends = (tonumber(period) + 1) * PERIOD_S + LINKS_KEPT_S
    for bucket, of in pairs(fields) do
        local key = root .. ':links:' .. period .. ':' .. bucket
        -- Where no field is new, the hash is not either.
        if redis.call('HSET', key, unpack(of)) > 0 then
            redis.call('EXPIREAT', key, ends)
        end
        for _, number in ipairs(older) do
            redis.call('HDEL', root .. ':links:' .. number .. ':' .. bucket, unpack(names[bucket]))
        end
    end
end

-- Event ids and velocity live in a list an hour of log time. What is more than a day older is dropped.
local function put_recent(hour, packed)
    local live, old = { hour }, {}
    for _, number in ipairs(listed('hours')) do
        if tonumber(number) < tonumber(hour) - RECENT_HOURS then
            old[#old + 1] = root .. ':recent:' .. number
        elseif number ~= hour then
            live[#live + 1] = number
        end
    end
    unlink(old)
    redis.call('HSET', progress, 'hours', table.concat(live, ','))
    redis.call('RPUSH', root .. ':recent:' .. hour, packed)
    redis.call('EXPIRE', root .. ':recent:' .. hour, RECENT_KEPT_S)
end

-- Ids are needed as long as the log's time stands still, however long that is: every save moves their end on.
local function keep()
    for _, number in ipairs(listed('hours')) do
        redis.call('EXPIRE', root .. ':recent:' .. number, RECENT_KEPT_S)
    end
    redis.call('EXPIRE', progress, PROGRESS_KEPT_S)
    redis.call('EXPIRE', journal, PROGRESS_KEPT_S)
end

local function wipe()
    local keys = { journal }
    for _, period in ipairs(listed('periods')) do
        for bucket = 0, BUCKETS - 1 do
            keys[#keys + 1] = root .. ':links:' .. period .. ':' .. bucket
        end
    end
    for _, hour in ipairs(listed('hours')) do
        keys[#keys + 1] = root .. ':recent:' .. hour
    end
    for _, name in ipairs(redis.call('LRANGE', journal, 0, -1)) do
        keys[#keys + 1] = root .. ':part:' .. name
    end
    unlink(keys)
    redis.call('HDEL', progress, 'periods', 'hours')
end


-- ARGV: root, stamp. Moves the oldest part of what has been committed to where it stays; answers how many are left.
local name = redis.call('LINDEX', journal, 0)
if not name then
    return 0
end
local part = root .. ':part:' .. name
local rows = redis.call('LRANGE', part, 0, -1)
if #rows == 0 then
    -- What is left is not whole any more.
    wipe()
    redis.call('HSET', progress, 'next', string.rep('0', 20), 'stamp', ARGV[2])
    return 0
end
local hour = string.match(name, '^recent/([^/]+)/')
if hour then
    put_recent(hour, rows[1])
else
    put_links(rows, 1)
end
redis.call('UNLINK', part)
redis.call('LPOP', journal)
redis.call('HSET', progress, 'stamp', ARGV[2])
keep()
return redis.call('LLEN', journal)

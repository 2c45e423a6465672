-- ARGV: root, stamp, the stamp of what is to be forgotten or empty for whatever there is.
local kept = redis.call('HGET', progress, 'stamp')
if kept and (ARGV[3] == '' or ARGV[3] == kept) then
    wipe()
    redis.call('HSET', progress, 'next', string.rep('0', 20), 'stamp', ARGV[2])
    keep()
end
return redis.status_reply('OK')

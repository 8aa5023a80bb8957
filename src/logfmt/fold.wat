;; Checks the frames of a stretch all at once: fold.ts says why that is right. `npx tsx scripts/fold-module.ts` writes
;; fold-module.ts anew from this text.
(module
  ;; In bytes:
  ;;        0  the remainder, 4018 of it
  ;;     8192  the 4018 folded bytes before a part of the stretch (zeros at first), and behind them that part, folded
  ;;    65536  the frames: two chunks of 2 MiB, so that the longest frame, and a chunk behind it, are read in one go
  (memory (export "memory") 66)
  (global (export "remainderBytes") i32 (i32.const 4018))
  (global (export "framesAt") i32 (i32.const 65536))

  ;; The entry before the stretch; then the last one of it.
  (global $index (export "index") (mut i64) (i64.const 0))
  (global $term (export "term") (mut i64) (i64.const 0))
  ;; The checksum of the last frame, turned over: it belongs behind that.
  (global $carried (mut i32) (i32.const 0))

  ;; Goes through the frames from $at that begin before $until and end by $length, as long as their headers follow each
  ;; other, and answers where it stopped. Turns each into a codeword on its way: its checksum moves behind it, and four
  ;; bytes are turned over, as a checksum begins with all ones.
  (func $walk (param $at i32) (param $until i32) (param $length i32) (result i32)
    (local $end i32) (local $size i32) (local $carried i32) (local $checksum i32)
    (local $index i64) (local $term i64) (local $found i64)
    (local.set $index (i64.add (global.get $index) (i64.const 1)))
    (local.set $term (global.get $term))
    ;; A size that is allowed, so that a first frame that has it needs no look, and one of no bytes gets one.
    (local.set $size (i32.const 1))
    (block $stop
      (loop $frames
        (br_if $stop (i32.ge_u (local.get $at) (local.get $until)))
        ;; Most frames are as long as the one before. Where that is only compared, a processor goes ahead to the next
        ;; header and does not wait for this one.
        (if (i32.ne (local.get $size) (i32.load offset=20 align=1 (local.get $at)))
          (then
            (local.set $size (i32.load offset=20 align=1 (local.get $at)))
            ;; 1 to FRAME_COMMAND_BYTES_MAX.
            (br_if $stop (i32.ge_u (i32.sub (local.get $size) (i32.const 1)) (i32.const 2097152)))))
        (local.set $end (i32.add (i32.add (local.get $at) (i32.const 24)) (local.get $size)))
        (br_if $stop (i32.gt_u (local.get $end) (local.get $length)))
        (br_if $stop (i64.ne (i64.load offset=12 align=1 (local.get $at)) (local.get $index)))
        ;; No index follows the highest one.
        (br_if $stop (i64.eqz (local.get $index)))
        (local.set $found (i64.load offset=4 align=1 (local.get $at)))
        (br_if $stop (i64.lt_u (local.get $found) (local.get $term)))
        (local.set $term (local.get $found))
        (local.set $checksum (i32.load align=1 (local.get $at)))
        (i32.store align=1 (local.get $at) (local.get $carried))
        (local.set $carried (i32.xor (local.get $checksum) (i32.const -1)))
        (i32.store offset=4 align=1 (local.get $at)
          (i32.xor (i32.load offset=4 align=1 (local.get $at)) (i32.const -1)))
        (local.set $index (i64.add (local.get $index) (i64.const 1)))
        (local.set $at (local.get $end))
        (br $frames)))
    (global.set $index (i64.sub (local.get $index) (i64.const 1)))
    (global.set $term (local.get $term))
    (global.set $carried (local.get $carried))
    (local.get $at))

  ;; Makes frames from $at to $end again of what $walk has made of them.
  (func $restore (param $at i32) (param $end i32)
    (local $next i32) (local $size i32)
    (loop $frames
      (if (i32.ne (local.get $size) (i32.load offset=20 align=1 (local.get $at)))
        (then (local.set $size (i32.load offset=20 align=1 (local.get $at)))))
      (local.set $next (i32.add (i32.add (local.get $at) (i32.const 24)) (local.get $size)))
      (i32.store align=1 (local.get $at) (i32.xor (i32.load align=1 (local.get $next)) (i32.const -1)))
      (i32.store offset=4 align=1 (local.get $at)
        (i32.xor (i32.load offset=4 align=1 (local.get $at)) (i32.const -1)))
      (local.set $at (local.get $next))
      (br_if $frames (i32.lt_u (local.get $at) (local.get $end)))))

  ;; Folds the bytes from $from on, 64 at a time, until $to is reached. $into is 4018 bytes before the place of the
  ;; result, which is each byte plus what was folded 1927, 2181 and 4018 bytes before.
  (func $fold (param $from i32) (param $to i32) (param $into i32)
    (loop $bytes
      (v128.store offset=4018 align=1 (local.get $into) (v128.xor
        (v128.xor (v128.load align=1 (local.get $from)) (v128.load align=1 (local.get $into)))
        (v128.xor
          (v128.load offset=1837 align=1 (local.get $into))
          (v128.load offset=2091 align=1 (local.get $into)))))
      (v128.store offset=4034 align=1 (local.get $into) (v128.xor
        (v128.xor (v128.load offset=16 align=1 (local.get $from)) (v128.load offset=16 align=1 (local.get $into)))
        (v128.xor
          (v128.load offset=1853 align=1 (local.get $into))
          (v128.load offset=2107 align=1 (local.get $into)))))
      (v128.store offset=4050 align=1 (local.get $into) (v128.xor
        (v128.xor (v128.load offset=32 align=1 (local.get $from)) (v128.load offset=32 align=1 (local.get $into)))
        (v128.xor
          (v128.load offset=1869 align=1 (local.get $into))
          (v128.load offset=2123 align=1 (local.get $into)))))
      (v128.store offset=4066 align=1 (local.get $into) (v128.xor
        (v128.xor (v128.load offset=48 align=1 (local.get $from)) (v128.load offset=48 align=1 (local.get $into)))
        (v128.xor
          (v128.load offset=1885 align=1 (local.get $into))
          (v128.load offset=2139 align=1 (local.get $into)))))
      (local.set $from (i32.add (local.get $from) (i32.const 64)))
      (local.set $into (i32.add (local.get $into) (i32.const 64)))
      (br_if $bytes (i32.lt_u (local.get $from) (local.get $to)))))

  ;; Folds the bytes from $from to $to in parts of 16384, and answers where the last folded byte ends. Before a part stand
  ;; the last 4018 folded bytes of the one before, in a place that is used again and again.
  (func $foldParts (param $from i32) (param $to i32) (result i32)
    (memory.fill (i32.const 8192) (i32.const 0) (i32.const 4018))
    (block $last
      (loop $parts
        (br_if $last (i32.le_u (i32.sub (local.get $to) (local.get $from)) (i32.const 16384)))
        (call $fold (local.get $from) (i32.add (local.get $from) (i32.const 16384)) (i32.const 8192))
        (memory.copy (i32.const 8192) (i32.const 24576) (i32.const 4018))
        (local.set $from (i32.add (local.get $from) (i32.const 16384)))
        (br $parts)))
    (call $fold (local.get $from) (local.get $to) (i32.const 8192))
    (i32.add (i32.const 12210) (i32.sub (local.get $to) (local.get $from))))

  ;; Adds $count bytes from $from on to the remainder's first ones, 16 at a time.
  (func $addToRemainder (param $from i32) (param $count i32)
    (local $to i32)
    (loop $bytes
      (v128.store align=1 (local.get $to)
        (v128.xor (v128.load align=1 (local.get $to)) (v128.load align=1 (local.get $from))))
      (local.set $to (i32.add (local.get $to) (i32.const 16)))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (br_if $bytes (i32.lt_u (local.get $to) (local.get $count)))))

  ;; Takes the frames from $start that begin before $until and end by $length, and answers where the last one ends. Then
  ;; the remainder says whether their checksums are right, and the frames are as they were.
  (func (export "check") (param $start i32) (param $until i32) (param $length i32) (result i32)
    (local $end i32) (local $behind i32) (local $folded i32)
    (global.set $carried (i32.const 0))
    (local.set $end (call $walk (local.get $start) (local.get $until) (local.get $length)))
    (if (i32.eq (local.get $end) (local.get $start)) (then (return (local.get $end))))
    ;; The last checksum goes behind the last frame, where other bytes stand.
    (local.set $behind (i32.load align=1 (local.get $end)))
    (i32.store align=1 (local.get $end) (global.get $carried))
    (local.set $folded (call $foldParts (local.get $start) (i32.add (local.get $end) (i32.const 4))))
    (call $restore (local.get $start) (local.get $end))
    (i32.store align=1 (local.get $end) (local.get $behind))
    ;; What was folded behind the stretch is not of it.
    (memory.fill (local.get $folded) (i32.const 0) (i32.const 64))
    (memory.fill (i32.const 0) (i32.const 0) (i32.const 4032))
    (call $addToRemainder (i32.sub (local.get $folded) (i32.const 4018)) (i32.const 4018))
    (call $addToRemainder (i32.sub (local.get $folded) (i32.const 2181)) (i32.const 2181))
    (call $addToRemainder (i32.sub (local.get $folded) (i32.const 1927)) (i32.const 1927))
    (local.get $end)))

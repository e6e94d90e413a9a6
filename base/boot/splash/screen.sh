# shellcheck shell=sh
# The screen, without a display server: netpbm makes a picture of the screen's size, and its bytes go to
# the framebuffer. Where there is none, words go to the console. What has this knows none of the system it
# runs in, apart from a shell and its usual tools: netpbm comes along, with its own libraries.

KIT=/run/fedac/splash
FB=/sys/class/graphics/fb0
width=$(cut -d , -f 1 $FB/virtual_size 2> /dev/null)
height=$(cut -d , -f 2 $FB/virtual_size 2> /dev/null)
stride=$(cat $FB/stride 2> /dev/null)
depth=$(cat $FB/bits_per_pixel 2> /dev/null)

LARGEST=$((16 * 1024 * 1024)) # bytes of a PNG
PICTURE=/run/fedac/picture.$$
INK='#d8dce8-#000000' # of words, and what is behind them

# What a pixel is made of, as netpbm counts channels. Blue first, perhaps with an unused byte at the end:
# that is what PCs' firmware gives, and the kernel tells us no more than the number of bits.
case $depth in
  24) channels="2 1 0" ;;
  32) channels="2 1 0 2" ;;
  *) channels= ;;
esac

# netpbm PROGRAM ARGUMENT...
netpbm() {
  program=$1
  shift
  timeout 60 $KIT/lib/ld.so --library-path $KIT/lib "$KIT/bin/$program" "$@"
}

graphic() {
  [ -n "$channels" ] && [ $((stride % (depth / 8))) = 0 ] && [ -c /dev/fb0 ]
}

# A picture no larger than the screen, on standard input → the middle of the screen, black around it.
put() {
  # shellcheck disable=SC2086 # the channels are several words
  netpbm ppmtoppm | netpbm pamdepth 255 | netpbm pnmpad -black -width="$width" -height="$height" |
    netpbm pnmpad -black -halign=0 -width=$((stride * 8 / depth)) | netpbm pamchannel $channels |
    tail -c $((stride * height)) > $PICTURE.raw || return # without netpbm's header
  echo 1 > /proc/sys/kernel/printk # nothing writes over it any more
  # A driver of the kernel's sets its mode when it is asked for something, as the text console would have done;
  # the firmware's framebuffer can do nothing of the kind
  (echo 0 > $FB/blank) 2> /dev/null || true
  cat $PICTURE.raw > /dev/fb0
  shown=$?
  rm $PICTURE.raw
  return $shown
}

# decode FILE: an ordinary file with a PNG → $PICTURE, w, h. False if it is none, or one that would take more
# memory than a screen is worth.
decode() {
  [ -f "$1" ] && [ ! -L "$1" ] && [ "$(wc -c < "$1")" -le $LARGEST ] || return
  # IHDR (PNG specification, 11.2.1): signature, length, "IHDR", width, height, big-endian
  # shellcheck disable=SC2046
  set -- "$1" $(head -c 24 "$1" | od -An -v -tu1)
  [ $# = 25 ] && [ "$2 $3 $4 $5" = "137 80 78 71" ] && [ "${18}${19}${22}${23}" = 0000 ] || return
  w=$((${20} * 256 + ${21}))
  h=$((${24} * 256 + ${25}))
  [ $w -ge 1 ] && [ $h -ge 1 ] && [ $((w * h)) -le 16777216 ] || return
  netpbm pngtopam -mix -background='#000000' "$1" > $PICTURE 2> /dev/null
}

# fit: $PICTURE, as large as it goes without being cut off
fit() {
  # shellcheck disable=SC2086 # numbers, all of them
  if { [ $w = $width ] && [ $h -le $height ]; } || { [ $h = $height ] && [ $w -le $width ]; }; then
    cat $PICTURE
  else
    netpbm pamscale -xyfit "$width" "$height" $PICTURE # which mixes pixels: enlarged ones keep their edges
  fi
}

# picture: what decode has left, on the screen
picture() {
  graphic && fit | put
}

# letters TIMES: lines of text → a bitmap, its letters of 7 by 13 pixels enlarged
letters() {
  netpbm pbmtext -builtin fixed -nomargins | netpbm pamenlarge "$1"
}

# title TEXT: one line, as large as fits
title() {
  graphic || { words "$1"; return; }
  times=$((width * 8 / 10 / (${#1} * 7)))
  [ $times -le 12 ] || times=12
  [ $times -ge 1 ] || times=1
  echo "$1" | letters $times | netpbm pgmtoppm "$INK" | put
}

# page TITLE LINE...: a calm page; lines of up to 52 letters
page() {
  graphic || { words "$@"; return; }
  small=$((width / 400))
  [ $small -ge 1 ] || small=1
  heading=$1
  shift
  echo "$heading" | letters $((small * 2)) | netpbm pnmpad -white -bottom=$((small * 20)) > /run/fedac/heading
  printf '%s\n' "$@" | letters $small > /run/fedac/lines
  netpbm pamcat -topbottom -jleft -white /run/fedac/heading /run/fedac/lines | netpbm pgmtoppm "$INK" | put
}

words() {
  {
    printf '\033[2J\033[H\n\n\n\n'
    printf '        %s\n' "$@"
  } > /dev/tty0
}

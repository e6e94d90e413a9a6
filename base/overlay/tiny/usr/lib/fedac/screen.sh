# shellcheck shell=sh
# The screen, without a display server: netpbm makes a picture of the screen's size, and its bytes go to
# the firmware's framebuffer. Where there is none, words go to the console.

FB=/sys/class/graphics/fb0
width=$(cut -d , -f 1 $FB/virtual_size 2> /dev/null)
height=$(cut -d , -f 2 $FB/virtual_size 2> /dev/null)
stride=$(cat $FB/stride 2> /dev/null)
depth=$(cat $FB/bits_per_pixel 2> /dev/null)

INK='#d8dce8-#000000' # of words, and what is behind them

# What a pixel is made of, as netpbm counts channels. Blue first, perhaps with an unused byte at the end:
# that is what PCs' firmware gives, and the kernel tells us no more than the number of bits.
case $depth in
  24) channels="2 1 0" ;;
  32) channels="2 1 0 2" ;;
  *) channels= ;;
esac

graphic() {
  [ -n "$channels" ] && [ $((stride % (depth / 8))) = 0 ] && [ -c /dev/fb0 ]
}

# A picture no larger than the screen, on standard input → the middle of the screen, black around it.
put() {
  echo 1 > /proc/sys/kernel/printk # nothing writes over it any more
  # shellcheck disable=SC2086 # the channels are several words
  ppmtoppm | pamdepth 255 | pnmpad -black -width="$width" -height="$height" |
    pnmpad -black -halign=0 -width=$((stride * 8 / depth)) | pamchannel $channels |
    tail -c $((stride * height)) > /dev/fb0 # without netpbm's header
}

# picture FILE: a PNG, as large as it goes without being cut off; enlarged by whole numbers, so that
# pixels stay pixels. False if it is none, or one that would take more memory than a screen is worth.
picture() {
  graphic || return
  # IHDR (PNG specification, 11.2.2): signature, length, "IHDR", width, height, big-endian
  # shellcheck disable=SC2046
  set -- "$1" $(head -c 24 "$1" | od -An -v -tu1)
  [ $# = 25 ] && [ "$2 $3 $4 $5" = "137 80 78 71" ] && [ "${18}${19}${22}${23}" = 0000 ] || return
  w=$((${20} * 256 + ${21}))
  h=$((${24} * 256 + ${25}))
  [ $w -ge 1 ] && [ $h -ge 1 ] && [ $((w * h)) -le 16777216 ] || return
  if [ $w -gt "$width" ] || [ $h -gt "$height" ]; then
    fit="pamscale -xyfit $width $height"
  else
    times=$((width / w))
    [ $((height / h)) -ge $times ] || times=$((height / h))
    fit="pamenlarge $times"
  fi
  timeout 60 pngtopam -mix -background='#000000' "$1" > /run/picture 2> /dev/null || return
  # shellcheck disable=SC2086 # a command and its arguments
  $fit < /run/picture | put
  rm /run/picture
}

# letters TIMES: lines of text → a bitmap, its letters of 7 by 13 pixels enlarged
letters() {
  pbmtext -builtin fixed -nomargins | pamenlarge "$1"
}

# title TEXT: one line, as large as fits
title() {
  graphic || { words "$1"; return; }
  times=$((width * 8 / 10 / (${#1} * 7)))
  [ $times -le 12 ] || times=12
  [ $times -ge 1 ] || times=1
  echo "$1" | letters $times | pgmtoppm "$INK" | put
}

# page TITLE LINE...: a calm page; lines of up to 52 letters
page() {
  graphic || { words "$@"; return; }
  small=$((width / 400))
  [ $small -ge 1 ] || small=1
  heading=$1
  shift
  echo "$heading" | letters $((small * 2)) | pnmpad -white -bottom=$((small * 20)) > /run/heading
  printf '%s\n' "$@" | letters $small > /run/lines
  pamcat -topbottom -jleft -white /run/heading /run/lines | pgmtoppm "$INK" | put
}

words() {
  {
    printf '\033[2J\033[H\n\n\n\n'
    printf '        %s\n' "$@"
  } > /dev/tty0
}

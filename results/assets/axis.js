"use strict";
// The shared time axis: which part of the run is shown, how it changes, how times read.
// Times are microseconds since the run began. Nothing here draws.

class Axis {
  constructor(duration, changed) {
    this.duration = duration;
    this.changed = changed;
    this.from = 0;
    this.to = duration;
    this.left = 0;
    this.right = 1;
  }

  x(time) {
    return this.left + ((time - this.from) / (this.to - this.from)) * (this.right - this.left);
  }

  time(x) {
    return this.from + ((x - this.left) / (this.right - this.left)) * (this.to - this.from);
  }

  // Shows [from, to], kept inside the run and no shorter than the eye needs.
  show(from, to) {
    const least = Math.min(200, this.duration);
    const span = Math.min(Math.max(to - from, least), this.duration);
    const middle = (from + to) / 2;
    this.from = Math.min(Math.max(middle - span / 2, 0), this.duration - span);
    this.to = this.from + span;
    this.changed();
  }

  reset() {
    this.show(0, this.duration);
  }

  zoom(factor) {
    const middle = (this.from + this.to) / 2;
    const half = ((this.to - this.from) * factor) / 2;
    this.show(middle - half, middle + half);
  }

  pan(share) {
    const by = (this.to - this.from) * share;
    const span = this.to - this.from;
    const from = Math.min(Math.max(this.from + by, 0), this.duration - span);
    this.show(from, from + span);
  }

  // Round times, about one every 75 pixels.
  ticks() {
    const wanted = Math.max(2, (this.right - this.left) / 75);
    const rough = (this.to - this.from) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
    const times = [];
    for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) times.push(t);
    return { step, times };
  }
}

// A point of the run, with the digits that a step of this size needs.
function instantText(us, step) {
  const decimals = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step / 1e6) - 1e-9)));
  return `${(us / 1e6).toFixed(decimals)} s`;
}

function durationText(us) {
  const digits = (value) => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
  if (us < 1) return `${Math.round(us * 1e3)} ns`;
  if (us < 1e3) return `${digits(us)} µs`;
  if (us < 1e6) return `${digits(us / 1e3)} ms`;
  return `${digits(us / 1e6)} s`;
}

// A rate: whole from ten on, one decimal below.
function rateText(number) {
  const rounded = number > 0 && number < 9.95 ? number.toFixed(1) : String(Math.round(number));
  return rounded.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

function countText(number) {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

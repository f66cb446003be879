"""The JSON bodies of IOPaint's endpoints of the same paths, so that its clients work unchanged.

Only the names, types and defaults are IOPaint's, of version 1. Most of its settings are for models that are not here:
they are accepted, have no effect, and are listed in a header of the answer.
"""

# ruff: noqa: N815 - the names are IOPaint's

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spikefill.errors import InputError
from spikefill.masks import LARGEST_MARGIN
from spikefill.service.problems import Problem
from spikefill.validation import first_problem

Body = TypeVar("Body", bound=BaseModel)

_EFFECTIVE = {"image", "mask"}
_SEED = 42


class InpaintRequest(BaseModel):
    """A photograph to restore, and its mask."""

    model_config = ConfigDict(extra="forbid")

    image: str = Field(description="The photograph's file, in base64; a data URI, too.")
    mask: str = Field(description="The mask's file, likewise: 128 to 255 in the holes, of the photograph's size.")
    sd_seed: int = Field(_SEED, description="Comes back as X-Seed; -1 for any. Nothing is random: it changes nothing.")

    ldm_steps: int = 20
    ldm_sampler: str = "plms"
    zits_wireframe: bool = True
    hd_strategy: str = "Crop"
    hd_strategy_crop_trigger_size: int = 800
    hd_strategy_crop_triger_size: int = Field(800, description="As IOPaint's own page spells it.")
    hd_strategy_crop_margin: int = 128
    hd_strategy_resize_limit: int = 1280
    hd_trategy_resize_imit: int = Field(1280, description="As IOPaint's own page spells it.")
    prompt: str = ""
    negative_prompt: str = ""
    use_croper: bool = False
    croper_x: int = 0
    croper_y: int = 0
    croper_height: int = 512
    croper_width: int = 512
    use_extender: bool = False
    extender_x: int = 0
    extender_y: int = 0
    extender_height: int = 640
    extender_width: int = 640
    sd_scale: float = 1.0
    sd_mask_blur: int = 11
    sd_strength: float = 1.0
    sd_steps: int = 50
    sd_guidance_scale: float = 7.5
    sd_sampler: str = "UniPC"
    sd_match_histograms: bool = False
    sd_outpainting_softness: float = 20.0
    sd_outpainting_space: float = 20.0
    sd_freeu: bool = Field(False, description="Sent by the page of earlier versions.")
    sd_freeu_config: dict[str, float] = Field({}, description="Sent by the page of earlier versions.")
    sd_lcm_lora: bool = False
    sd_keep_unmasked_area: bool = True
    cv2_flag: str = "INPAINT_NS"
    cv2_radius: int = 4
    paint_by_example_example_image: str | None = None
    p2p_image_guidance_scale: float = 1.5
    enable_controlnet: bool = False
    controlnet_conditioning_scale: float = 0.4
    controlnet_method: str = ""
    enable_brushnet: bool = False
    brushnet_method: str = ""
    brushnet_conditioning_scale: float = 1.0
    enable_powerpaint_v2: bool = False
    powerpaint_task: str = "text-guided"
    fitting_degree: float = 1.0

    @property
    def seed(self) -> int:
        """What goes into the answer's header."""
        return _SEED if self.sd_seed == -1 else self.sd_seed

    @property
    def ignored(self) -> list[str]:
        """The fields that were sent and have no effect on the picture."""
        return sorted(self.model_fields_set - _EFFECTIVE)


class AdjustMaskRequest(BaseModel):
    """A mask to change."""

    model_config = ConfigDict(extra="forbid")

    mask: str = Field(description="The mask's file, in base64; a data URI, too. 128 to 255 in the holes.")
    operate: Literal["expand", "shrink", "reverse"]
    kernel_size: Annotated[int, Field(ge=0, le=LARGEST_MARGIN)] = Field(
        5, description="Pixels by which holes grow or shrink, as a radius."
    )


class ModelInfo(BaseModel):
    """A model, in IOPaint's words."""

    name: str
    path: str
    model_type: Literal["inpaint"] = "inpaint"
    is_single_file_diffusers: bool = False
    need_prompt: bool = False
    controlnets: list[str] = []
    brushnets: list[str] = []
    support_strength: bool = False
    support_outpainting: bool = False
    support_lcm_lora: bool = False
    support_controlnet: bool = False
    support_brushnet: bool = False
    support_powerpaint_v2: bool = False


class ServerConfig(BaseModel):
    """What the service can do, in IOPaint's words; and its limits."""

    plugins: list[str] = []
    modelInfos: list[ModelInfo]
    removeBGModel: str = ""
    removeBGModels: list[str] = []
    realesrganModel: str = ""
    realesrganModels: list[str] = []
    interactiveSegModel: str = ""
    interactiveSegModels: list[str] = []
    enableFileManager: bool = False
    enableAutoSaving: bool = False
    enableControlnet: bool = False
    controlnetMethod: str | None = None
    disableModelSwitch: bool = True
    isDesktop: bool = False
    samplers: list[str] = []
    version: str = Field(description="Of Spikefill.")
    largestMegabytes: float = Field(description="Of a request.")
    largestMegapixels: float = Field(description="Of a photograph, and of a mask.")
    seconds: float = Field(description="That a photograph may take.")


def parsed(kind: type[Body], body: bytes) -> Body:
    """A JSON body.

    Raises:
        Problem: It is not JSON, or a field is missing, unknown or of another type; it names the first of them.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise Problem(422, first_problem(error, lambda _: kind.model_fields, kind="field")) from error


def from_base64(text: str, name: str) -> bytes:
    """The bytes of a file in base64, in lines or not, after ``data:...;base64,`` or not.

    Raises:
        InputError: It is not base64.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:  # the latter for other than ASCII
        raise InputError(f"{name} is not base64: {error}") from error
